import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodings } from '../src/encodings.js';

test('a camera is sent in as many sizes as are of use', () => {
  assert.deepEqual(encodings('camera', 720).map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]), [['l', 4], ['m', 2], ['h', 1]]);
  assert.deepEqual(encodings('camera', 360).map(({ rid }) => rid), ['m', 'h']);
  assert.deepEqual(encodings('camera', 240), [{ maxBitrate: 481_000 }]);
  assert.equal(encodings('camera', 1080).at(-1)?.maxBitrate, 2_500_000);
});

test('a screen is sent once, and sound as it is', () => {
  assert.deepEqual(encodings('screen', 1080), [{ maxBitrate: 2_500_000, maxFramerate: 15 }]);
  assert.deepEqual(encodings('mic', 0), []);
});
