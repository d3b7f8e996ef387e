import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { LiveRoom } from '../src/index.js';
import { FakeDaily, track } from './fakes.js';
import { eventually, heard, Stage } from './stage.js';

let stage: Stage;
let room: LiveRoom;
let daily: ReturnType<typeof FakeDaily.call>;
const ada = { session_id: 's1', user_id: 'ada', local: false };

beforeEach(async () => {
  stage = await Stage.open();
  stage.joined = { provider: 'daily', offer: null, entry: { url: 'https://school.example/r', token: 'theirs' } };
  room = stage.room({ createDaily: () => (daily = FakeDaily.call()) });
});

afterEach(async () => {
  await room.leave();
  await stage.close();
});

test('the same calls join, send, mute and share in a room of Daily', async () => {
  const mic = track('audio'), screen = track('video');
  await room.publish('mic', { track: mic });
  await room.join();
  const [[joined]] = daily.of('join') as [[Record<string, unknown>]];
  assert.deepEqual([joined['url'], joined['token'], joined['userName']], ['https://school.example/r', 'theirs', 'Me']);
  assert.deepEqual([joined['audioSource'], joined['videoSource'], joined['startAudioOff']], [mic, false, false]);
  await room.mute('mic');
  assert.deepEqual(daily.of('setLocalAudio'), [[false]]);
  await room.publish('screen', { track: screen });
  assert.equal(daily.of('startScreenShare').length, 1);
  await room.publish('screen', null);
  assert.equal(daily.of('stopScreenShare').length, 1);
  await room.send({ chat: 'Hello' });
  assert.deepEqual(stage.of('chat'), [{ text: 'Hello' }]);
  assert.deepEqual([stage.of('mute'), stage.of('publish')], [[], []]);
  await room.leave();
  await eventually(() => daily.of('destroy').length);
});

test('others\' tracks, who speaks and how the network is come from Daily', async () => {
  const tracks = heard(room, 'track'), speaks = heard(room, 'speaker'), quality = heard(room, 'quality');
  await room.join();
  const camera = track('video');
  daily.tell('participant-joined', { participant: ada });
  daily.tell('track-started', { participant: ada, track: camera, type: 'video' });
  daily.tell('track-started', { participant: { ...ada, local: true }, track: track('video'), type: 'video' });
  daily.tell('track-stopped', { participant: null, track: camera, type: 'video' });
  daily.tell('participant-left', { participant: ada });
  assert.deepEqual(tracks.map(({ publication, userId, source, state }) => [publication, userId, source, state]), [
    ['s1/video', 'ada', 'camera', 'on'], ['s1/video', 'ada', 'camera', 'off'], ['s1/video', 'ada', 'camera', 'gone'],
  ]);
  daily.tell('participant-joined', { participant: ada });
  daily.tell('active-speaker-change', { activeSpeaker: { peerId: 's1' } });
  daily.tell('network-quality-change', { threshold: 'low' });
  assert.deepEqual([speaks, quality], [[{ userId: 'ada' }], [{ userId: 'me', quality: 'low' }]]);
  await room.mute('mic', true, 'ada');
  assert.deepEqual(daily.of('updateParticipant'), [['s1', { setAudio: false }]]);
});

test('a call that Daily loses is joined anew, and one that it ends for good is not', async () => {
  await room.join();
  const first = daily;
  stage.joined = { ...stage.joined, resumed: false };
  daily.tell('error', { error: { type: 'connection-error' }, errorMsg: 'lost' });
  await eventually(() => daily !== first && room.state === 'in');
  const problems = heard(room, 'problem');
  daily.tell('error', { error: { type: 'ejected' }, errorMsg: 'ejected' });
  assert.equal(problems.length, 1);
  assert.equal(stage.of('join').length, 2);
});

test('a signalling that breaks off leaves Daily\'s call alone', async () => {
  await room.join();
  const first = daily;
  stage.cut();
  await eventually(() => stage.of('join').length === 2 && room.state === 'in');
  assert.equal(daily, first);
  assert.equal(daily.of('join').length, 1);
});

test('without a call object the page shows what the entry says', async () => {
  room = stage.room();
  const joined = await room.join();
  assert.equal(joined.entry['url'], 'https://school.example/r');
  await room.send({ hand: true });
});
