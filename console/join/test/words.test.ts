import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initials, mayReturn, sentenceIn, whatIsHeld, when, whyNoDevice, whyNoScreen, whyNot, whyOut } from '../src/words.js';

test('every reason is a sentence', () => {
  for (const reason of ['left', 'kicked', 'ended', 'replaced', 'logged-out', 'live.room_full', 'unheard-of']) {
    assert.match(whyOut(reason, reason), /^[A-Z].*\.$/);
  }
  assert.equal(whyOut('live.new', 'not now'), 'Not now.');
  assert.equal(whyNot(new Error('Not authorized to join session:x')), 'You are not enrolled in this course, so you can not join its class.');
});

test('what is held is named', () => {
  const sentences = [[], ['camera'], ['mic', 'camera']].map((held) => whatIsHeld(new Set(held as 'mic'[])));
  assert.deepEqual(sentences, [
    '', 'The teacher turned your camera off for this class.', 'The teacher turned your microphone and your camera off for this class.',
  ]);
});

test('what is missing is told once', () => {
  const blocked = { name: 'NotAllowedError' }, gone = { name: 'NotFoundError' };
  assert.equal(whyNoDevice({}), '');
  assert.equal(whyNoDevice({ camera: gone }), 'Your camera was not found.');
  assert.equal(whyNoDevice({ mic: gone, camera: gone }), 'Your microphone and your camera were not found.');
  assert.match(whyNoDevice({ mic: blocked, camera: gone }), /^Your microphone is blocked\. .* Your camera was not found\.$/);
  assert.equal(whyNoDevice({ mic: { name: 'Odd' }, camera: { name: 'Odd' } }), 'Your microphone and your camera do not work.');
  assert.deepEqual([blocked, { name: 'NotReadableError' }].map(whyNoScreen).map(Boolean), [false, true]);
});

test('every kind of refusal has a sentence', () => {
  const bodies = ['Session not found', { message: 'Full' }, { error: 'Both are required' }, { error: { status: 401, message: 'Wrong' } }, {}, null, { error: 5 }];
  assert.deepEqual(bodies.map(sentenceIn), ['Session not found', 'Full', 'Both are required', 'Wrong', '', '', '']);
});

test('who is in no ended class may come back', () => {
  assert.deepEqual(['kicked', 'replaced', 'ended', 'live.banned'].map(mayReturn), [true, true, false, false]);
});

test('a start is told by its day', () => {
  const now = new Date(2026, 10, 21, 23, 30);
  assert.equal(when(new Date(2026, 10, 21, 23, 45), now, 'en-GB'), 'today at 23:45');
  assert.equal(when(new Date(2026, 10, 22, 0, 15), now, 'en-GB'), 'tomorrow at 00:15');
  assert.equal(when(new Date(2026, 11, 26, 15, 0), now, 'en-GB'), 'on Saturday 26 December at 15:00');
});

test('initials stand for any name', () => {
  assert.deepEqual(['Léa Petit', 'ada', '', '李 小龍', 'Ana de la Cruz'].map(initials), ['LP', 'A', '?', '李小', 'AC']);
});
