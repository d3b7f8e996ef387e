import type { OwnTrack, Publishable, Source } from './types.js';

/** What one sends, and how. */
export class OwnTracks {
  readonly #tracks = new Map<Source, OwnTrack>();
  readonly #captured = new Set<MediaStreamTrack>();
  readonly #told: (own: OwnTrack) => void;
  readonly #endedByItself: () => void;

  constructor(told: (own: OwnTrack) => void, endedByItself: () => void) {
    this.#told = told;
    this.#endedByItself = endedByItself;
  }

  get all(): ReadonlyMap<Source, OwnTrack> {
    return this.#tracks;
  }

  /** Opens the device, or asks for a screen, which may bring its sound along. Raises the browser's error. */
  async capture(source: Publishable, constraints: MediaTrackConstraints = {}, muted = false): Promise<MediaStreamTrack> {
    const { mediaDevices } = navigator;
    const stream = source === 'screen'
      ? await mediaDevices.getDisplayMedia({ video: constraints, audio: true })
      : await mediaDevices.getUserMedia(source === 'mic' ? { audio: constraints } : { video: constraints });
    for (const track of stream.getTracks()) this.#captured.add(track);
    const [sound] = stream.getAudioTracks();
    const track = source === 'mic' ? sound : stream.getVideoTracks()[0];
    if (!track) throw new DOMException('There is no such device.', 'NotFoundError');
    this.put(source, track, muted);
    if (source === 'screen' && sound) this.put('screen-audio', sound);
    return track;
  }

  put(source: Source, track: MediaStreamTrack, muted = false): void {
    const before = this.#tracks.get(source);
    if (before && before.track !== track) this.#release(before.track);
    if (source === 'screen') track.contentHint = 'detail';
    track.enabled = !muted;
    track.onended = () => { if (this.#tracks.get(source)?.track === track) this.ended(source); };
    const own: OwnTrack = { source, track, state: muted ? 'muted' : 'on' };
    this.#tracks.set(source, own);
    this.#told(own);
  }

  change(source: Source, state: 'on' | 'muted'): void {
    const own = this.#tracks.get(source);
    if (!own) return;
    own.track.enabled = state === 'on';
    if (own.state === state) return;
    const changed = { ...own, state };
    this.#tracks.set(source, changed);
    this.#told(changed);
  }

  /** The device was unplugged, or the browser's own button ended the screen. */
  ended(source: Source): void {
    this.end(source);
    this.#endedByItself();
  }

  end(source: Source): void {
    for (const each of source === 'screen' ? ['screen', 'screen-audio'] as const : [source]) {
      const own = this.#tracks.get(each);
      if (!own) continue;
      this.#tracks.delete(each);
      this.#release(own.track);
      this.#told({ ...own, state: 'ended' });
    }
  }

  endAll(): void {
    for (const source of [...this.#tracks.keys()]) this.end(source);
  }

  /** What the page gave is the page's to stop. */
  #release(track: MediaStreamTrack): void {
    track.onended = null;
    if (this.#captured.delete(track)) track.stop();
  }
}
