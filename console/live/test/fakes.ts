// What a browser has and Node has not: connections and tracks, as much of their documented interfaces as is used here.
import type { DailyCall } from '../src/index.js';

export class FakeTrack extends EventTarget {
  enabled = true;
  stopped = false;
  contentHint = '';
  onended: ((event: Event) => void) | null = null;
  constructor(readonly kind: 'audio' | 'video', readonly height = 0, readonly id = `${kind}-${Math.random()}`) {
    super();
  }

  getSettings() { return { height: this.height }; }
  stop() { this.stopped = true; }
  /** As when a device is unplugged. */
  end() { this.onended?.(new Event('ended')); }
}

export const track = (kind: 'audio' | 'video', height = 0) => new FakeTrack(kind, height) as unknown as MediaStreamTrack & FakeTrack;

class FakeTransceiver {
  mid: string | null = null;
  receiver = { track: track('video') };
  sender;
  constructor(readonly kind: string, public direction: string, sent: FakeTrack | null, readonly sendEncodings: unknown[] = []) {
    this.sender = {
      track: sent,
      replaceTrack: async (other: FakeTrack | null) => { this.sender.track = other; },
    };
  }
}

export class FakeConnection {
  static made: FakeConnection[] = [];
  connectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { sdp: string } | null = null;
  remoteDescription: { sdp: string } | null = null;
  closed = false;
  #transceivers: FakeTransceiver[] = [];

  constructor(readonly configuration: RTCConfiguration) {
    FakeConnection.made.push(this);
  }

  addTransceiver(sent: FakeTrack, { direction, sendEncodings }: { direction: string; sendEncodings?: unknown[] }) {
    const made = new FakeTransceiver(sent.kind, direction, sent, sendEncodings);
    this.#transceivers.push(made);
    return made;
  }

  getTransceivers() { return this.#transceivers; }

  async setRemoteDescription(description: { sdp: string }) {
    this.remoteDescription = description;
    // An offer names its sections in a line each: `m=<mid>`.
    for (const [, mid] of description.sdp.matchAll(/^m=(\S+)$/gm)) {
      if (this.#transceivers.some((each) => each.mid === mid)) continue;
      const made = new FakeTransceiver('video', 'recvonly', null);
      made.mid = mid!;
      this.#transceivers.push(made);
    }
  }

  async setLocalDescription() {
    this.#transceivers.forEach((each, index) => { each.mid ??= String(index); });
    const sections = this.#transceivers.map(({ mid, direction, sender }) => `m=${mid} ${direction} ${sender.track?.kind ?? '-'}`);
    this.localDescription = { sdp: sections.join('\n') };
  }

  async getStats() { return new Map(); }
  close() { this.closed = true; }

  fail() {
    this.connectionState = 'failed';
    this.onconnectionstatechange?.();
  }
}

/** A daily-js call object that remembers what it was told. */
export class FakeDaily {
  calls: [string, ...unknown[]][] = [];
  #listeners = new Map<string, (event?: unknown) => void>();

  on(event: string, listener: (event?: unknown) => void) { this.#listeners.set(event, listener); }
  tell(event: string, data: object) { this.#listeners.get(event)?.(data); }
  of(name: string) { return this.calls.filter(([called]) => called === name).map(([, ...what]) => what); }

  static call(): DailyCall & FakeDaily {
    const daily = new FakeDaily();
    for (const name of [
      'join', 'leave', 'destroy', 'setLocalAudio', 'setLocalVideo', 'setInputDevicesAsync', 'startScreenShare', 'stopScreenShare',
      'updateParticipant',
    ]) Object.assign(daily, { [name]: async (...what: unknown[]) => { daily.calls.push([name, ...what]); } });
    return daily as unknown as DailyCall & FakeDaily;
  }
}

class FakeStream {
  constructor(readonly tracks: FakeTrack[]) {}
  getTracks() { return this.tracks; }
  getAudioTracks() { return this.tracks.filter(({ kind }) => kind === 'audio'); }
  getVideoTracks() { return this.tracks.filter(({ kind }) => kind === 'video'); }
}

Object.assign(globalThis, { RTCPeerConnection: FakeConnection, MediaStream: FakeStream, reportError: (error: unknown) => { throw error; } });
