import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initials, mayReturn, when, whyNoDevice, whyNot, whyOut } from '../src/words.js';

test('every reason is a sentence', () => {
  for (const reason of ['left', 'kicked', 'ended', 'replaced', 'logged-out', 'live.room_full', 'unheard-of']) {
    assert.match(whyOut(reason, reason), /^[A-Z].*\.$/);
  }
  assert.equal(whyOut('live.new', 'not now'), 'Not now.');
  assert.equal(whyNot(new Error('Not authorized to join session:x')), 'You are not enrolled in this course, so you can not join its class.');
  assert.equal(whyNoDevice('camera', { name: 'NotFoundError' }), 'Your camera was not found.');
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
