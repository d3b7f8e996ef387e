import type { Source } from './types.js';

/** Bits a second of a picture of 720 lines; smaller ones get their share. */
const BITRATE = 2_500_000;
const LAYERS = [{ rid: 'h', by: 1 }, { rid: 'm', by: 2 }, { rid: 'l', by: 4 }];
/** A layer of fewer lines is of no use to anybody. */
const LOWEST = 135;

/** How a picture is sent: a camera in layers (l, m, h), of which everybody gets the one that their tile needs. */
export function encodings(source: Source, height: number): RTCRtpEncodingParameters[] {
  if (source === 'screen') return [{ maxBitrate: BITRATE, maxFramerate: 15 }];
  if (source !== 'camera') return [];
  const layers = LAYERS.filter(({ by }) => by === 1 || height / by >= LOWEST);
  if (layers.length === 1) return [{ maxBitrate: bitrate(height) }];
  return layers.reverse().map(({ rid, by }) => ({ rid, scaleResolutionDownBy: by, maxBitrate: bitrate(height / by) }));
}

/** Less than in proportion to the pixels: small pictures have more in each. */
function bitrate(height: number): number {
  const share = (Math.min(height, 720) / 720) ** 1.5;
  return Math.round(BITRATE * share / 1000) * 1000;
}
