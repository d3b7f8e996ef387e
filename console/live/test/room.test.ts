import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { LiveRoom } from '../src/index.js';
import { FakeConnection, track } from './fakes.js';
import { eventually, heard, offer, Stage } from './stage.js';

let stage: Stage;
let room: LiveRoom;

beforeEach(async () => {
  FakeConnection.made = [];
  stage = await Stage.open();
  room = stage.room();
});

afterEach(async () => {
  await room.leave();
  await stage.close();
});

test('a join tells who is there, and answers the offer', async () => {
  const people = heard(room, 'participant');
  const joined = await room.join();
  assert.equal(joined.userId, 'me');
  assert.deepEqual(people.map(({ participant, change }) => [participant.name, change]), [['Me', 'joined'], ['Ada', 'joined']]);
  assert.deepEqual(stage.of('join'), [{ token: 'token', resume: false, after: 0 }]);
  assert.equal(stage.of('answer')[0]?.['version'], 1);
  await assert.rejects(room.join(), { code: 'client.in_room' });
});

test('what the server refuses is told as it said it', async () => {
  stage.answers['join'] = () => ({ ok: false, code: 'live.room_full', message: 'This session is full' });
  await assert.rejects(room.join(), { code: 'live.room_full', message: 'This session is full' });
  assert.equal(room.state, 'out');
});

test('a server that is not there is a connection error', async () => {
  await assert.rejects(stage.room({ server: 'http://127.0.0.1:9' }).join(), { name: 'ConnectionError' });
});

test('what was before one came is past, and is told after who is there', async () => {
  const entries = heard(room, 'entry');
  stage.joined = { seq: 2 };
  stage.answers['join'] = () => {
    stage.entry(1, 'hand', { userId: 'ada', name: 'Ada', raised: true });
    stage.entry(2, 'recording_started');
    stage.entry(3, 'chat', { userId: 'ada', name: 'Ada', text: 'Hello' });
    return {};
  };
  await room.join();
  assert.deepEqual(entries.map(({ seq, past }) => [seq, past]), [[1, true], [2, true], [3, false]]);
  assert.equal(room.participants.find(({ userId }) => userId === 'ada')?.hand, true);
  assert.equal(room.isRecorded, true);
});

test('who came and went before one came in is told as who is there', async () => {
  const people = heard(room, 'participant');
  stage.answers['join'] = () => {
    stage.entry(1, 'joined', { userId: 'me', name: 'Me', role: 'student' });
    stage.entry(2, 'joined', { userId: 'bo', name: 'Bo', role: 'student' });
    stage.entry(3, 'left', { userId: 'bo', reason: 'left' });
    stage.entry(4, 'left', { userId: 'me', reason: 'replaced' });
    return {};
  };
  await room.join();
  assert.deepEqual(people.map(({ participant, change }) => [participant.name, change]), [['Me', 'joined'], ['Ada', 'joined']]);
});

test('tracks published before and after are offered with what they are', async () => {
  await room.publish('mic', { track: track('audio') });
  await room.publish('camera', { track: track('video', 720) });
  await room.join();
  assert.deepEqual(stage.of('publish').map(({ sources }) => sources), [{ 0: 'mic', 1: 'camera' }]);
  const sending = FakeConnection.made[1]!;
  assert.deepEqual(sending.getTransceivers()[1]!.sendEncodings.map((each: any) => [each.rid, each.maxBitrate]), [
    ['l', 313_000], ['m', 884_000], ['h', 2_500_000],
  ]);
  await room.publish('screen', { track: track('video', 1080) });
  assert.deepEqual(stage.of('publish').at(-1)?.['sources'], { 0: 'mic', 1: 'camera', 2: 'screen' });
  await room.publish('camera', null);
  assert.deepEqual(stage.of('publish').at(-1)?.['sources'], { 0: 'mic', 2: 'screen' });
  assert.match(String(stage.of('publish').at(-1)?.['sdp']), /m=1 inactive -/);
  await room.publish('camera', { track: track('video', 240) });
  assert.deepEqual(stage.of('publish').at(-1)?.['sources'], { 0: 'mic', 1: 'camera', 2: 'screen' });
  assert.equal(FakeConnection.made.length, 2);
});

test('a screen that the browser ends is published no more', async () => {
  await room.join();
  const own = heard(room, 'published');
  const screen = track('video');
  await room.publish('screen', { track: screen });
  screen.end();
  await eventually(() => stage.of('publish').length === 2);
  assert.deepEqual(own.map(({ state }) => state), ['on', 'ended']);
  assert.equal(screen.stopped, false, 'what the page gave is the page\'s to stop');
});

test('muted is silent first and told then, and stays so in connections that are new', async () => {
  const mic = track('audio');
  await room.publish('mic', { track: mic });
  await room.join();
  await room.mute('mic');
  assert.equal(mic.enabled, false);
  assert.deepEqual(stage.of('mute'), [{ source: 'mic', muted: true }]);
  stage.tell('room-lost', {});
  await eventually(() => stage.of('mute').length === 2);
  assert.deepEqual(stage.of('mute')[1], { source: 'mic', muted: true });
  await room.mute('mic', false);
  assert.equal(mic.enabled, true);
});

test('who is muted by the owner is silent, and alone takes it back', async () => {
  const mic = track('audio');
  await room.publish('mic', { track: mic });
  await room.join();
  const muted = heard(room, 'muted');
  stage.tell('muted', { source: 'mic', by: 'ada' });
  await eventually(() => muted.length);
  assert.equal(mic.enabled, false);
  assert.equal(room.own.get('mic')?.state, 'muted');
  await assert.rejects(room.mute('mic', false, 'ada'), { code: 'client.unmute' });
  await room.mute('mic', true, 'ada');
  assert.deepEqual(stage.of('mute'), [{ userId: 'ada', source: 'mic', muted: true }]);
});

test('an offer shows tracks, and the next one what changed', async () => {
  await room.join();
  const tracks = heard(room, 'track');
  stage.tell('offer', offer(2, 'p1', 'p2'));
  await eventually(() => tracks.length === 2);
  stage.tell('track', { publication: 'p1', state: 'off', userId: 'ada', source: 'camera' });
  stage.tell('offer', offer(3, 'p2'));
  await eventually(() => tracks.length === 4);
  assert.deepEqual(tracks.map(({ publication, state }) => [publication, state]), [
    ['p1', 'on'], ['p2', 'on'], ['p1', 'off'], ['p1', 'gone'],
  ]);
  await eventually(() => stage.of('answer').length === 3);
});

test('what is told of a track while its offer is being taken holds, and so does what an offer tells anew', async () => {
  await room.join();
  const tracks = heard(room, 'track');
  stage.tell('offer', { ...offer(2, 'p1'), tracks: offer(2, 'p1').tracks.map((each) => ({ ...each, on: false })) });
  stage.tell('track', { publication: 'p1', state: 'on', userId: 'ada', source: 'camera' });
  await eventually(() => tracks.length === 1);
  assert.equal(tracks[0]?.state, 'on');
  stage.tell('offer', { ...offer(2, 'p1'), tracks: offer(2, 'p1').tracks.map((each) => ({ ...each, on: false })) });
  await eventually(() => tracks.length === 2);
  assert.equal(tracks[1]?.state, 'off');
});

test('a break-off is resumed: the connections stay, and nothing is missed', async () => {
  let tokens = 0;
  room = stage.room({ token: async () => `token ${++tokens}` });
  await room.publish('mic', { track: track('audio') });
  await room.join();
  const entries = heard(room, 'entry'), tries = heard(room, 'reconnecting');
  stage.entry(5, 'chat', { userId: 'ada', name: 'Ada', text: 'One' });
  await eventually(() => entries.length);
  stage.answers['join'] = () => { stage.entry(6, 'chat', { userId: 'ada', name: 'Ada', text: 'Two' }); return {}; };
  stage.cut();
  await eventually(() => room.state === 'in' && entries.length === 2);
  assert.deepEqual(stage.of('join').at(-1), { token: 'token 2', resume: true, after: 5 });
  assert.equal(tries[0]?.attempt, 1);
  assert.deepEqual([FakeConnection.made.length, stage.of('publish').length], [2, 1]);
});

test('a dead room is joined anew, with all that was sent', async () => {
  await room.publish('mic', { track: track('audio') });
  await room.join();
  stage.joined = { resumed: false };
  stage.tell('room-lost', {});
  await eventually(() => stage.of('publish').length === 2);
  assert.deepEqual(stage.of('join').map(({ resume }) => resume), [false, false]);
  assert.deepEqual(FakeConnection.made.map(({ closed }) => closed), [true, true, false, false]);
});

test('a connection that fails is made anew: the receiving one by joining, the sending one by itself', async () => {
  await room.publish('mic', { track: track('audio') });
  await room.join();
  FakeConnection.made[1]!.fail();
  await eventually(() => stage.of('publish').length === 2);
  assert.equal(stage.of('join').length, 1);
  FakeConnection.made[0]!.fail();
  await eventually(() => stage.of('join').length === 2 && room.state === 'in');
  assert.equal(stage.of('join')[1]?.['resume'], false);
});

for (const [reason, comesBack] of [['dead', true], ['closed', true], ['kicked', false], ['ended', false], ['replaced', false]] as const) {
  test(`out because of ${reason} ${comesBack ? 'comes back' : 'stays out'}`, async () => {
    await room.join();
    const out = heard(room, 'out');
    stage.tell('out', { reason });
    if (comesBack) await eventually(() => stage.of('join').length === 2 && room.state === 'in');
    else {
      await eventually(() => out.length);
      assert.deepEqual([out[0]?.reason, room.state], [reason, 'out']);
    }
    assert.equal(out.length, comesBack ? 0 : 1);
  });
}

test('who may not come back is out, with the reason', async () => {
  await room.join();
  const out = heard(room, 'out');
  stage.answers['join'] = () => ({ ok: false, code: 'live.session_ended', message: 'This session has ended' });
  stage.cut();
  await eventually(() => out.length);
  assert.deepEqual(out, [{ reason: 'live.session_ended', message: 'This session has ended' }]);
});

test('a server that fails for a while is tried until it answers', async () => {
  await room.join();
  let failures = 2;
  stage.answers['join'] = () => (failures-- > 0 ? { ok: false, code: 'error', message: 'Something went wrong.' } : {});
  stage.cut();
  await eventually(() => stage.of('join').length === 4 && room.state === 'in');
});

test('one token as text is renewed while one is in', async () => {
  room = stage.room({ token: 'first' });
  stage.answers['renew'] = () => ({ token: 'second' });
  await room.join();
  await eventually(() => stage.of('renew').length);
  await new Promise((resolve) => setTimeout(resolve, 50));
  stage.cut();
  await eventually(() => stage.of('join').length === 2);
  assert.deepEqual(stage.of('join').map(({ token }) => token), ['first', 'second']);
});

test('the servers that the answer names are used, and nobody is sent candidates', async () => {
  stage.joined = { provider: 'janus', iceServers: [{ urls: 'stun:stun.example' }] };
  await room.publish('mic', { track: track('audio') });
  await room.join();
  await eventually(() => stage.of('publish').length);
  assert.deepEqual(FakeConnection.made[0]!.configuration, { iceServers: [{ urls: 'stun:stun.example' }] });
  assert.equal(stage.of('candidate').length, 0);
});

test('what was too much at once is asked again', async () => {
  let refused = 0;
  stage.answers['answer'] = () => (refused++ < 2 ? { ok: false, code: 'rate_limited', message: 'Too many.' } : {});
  await room.join();
  await eventually(() => stage.of('answer').length === 3);
});

test('chat and hands go out, and who leaves says so', async () => {
  await room.join();
  await room.send({ chat: 'Hello' });
  await room.send({ hand: true });
  await room.leave();
  assert.deepEqual(stage.asked.slice(-3), [
    { event: 'chat', data: { text: 'Hello' } }, { event: 'hand', data: { raised: true } }, { event: 'leave', data: {} },
  ]);
  await assert.rejects(room.send({ chat: 'Hello?' }), { name: 'ConnectionError' });
});
