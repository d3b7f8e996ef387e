import type { Carrier, Hooks } from './carrier.js';
import { encodings } from './encodings.js';
import type { Flow, Joined, Offer, OwnTrack, RemoteTrack, Source } from './types.js';

export type Ask = <Told extends object = object>(event: string, data?: object) => Promise<Told>;

/** Two connections, one that sends what we offer and one that receives what the server offers: `embedded` and `janus`. */
export class StoaMedia implements Carrier {
  readonly #ask: Ask;
  readonly #hooks: Hooks;
  #iceServers: RTCIceServer[] = [];
  #sending: RTCPeerConnection | null = null;
  #receiving: RTCPeerConnection | null = null;
  #senders = new Map<Source, RTCRtpTransceiver>();
  #shown = new Map<string, RemoteTrack & { mid: string }>();
  /** Also of publications that are not shown yet: what is told while their offer is being taken. */
  #told = new Map<string, 'on' | 'off'>();
  #version = -1;
  #answered = -1;
  #taking: Promise<void> = Promise.resolve();
  #wanted: ReadonlyMap<Source, OwnTrack> = new Map();
  #unsent = false;
  #sends: Promise<void> | null = null;

  constructor(ask: Ask, hooks: Hooks) {
    this.#ask = ask;
    this.#hooks = hooks;
  }

  async joined(joined: Joined, own: ReadonlyMap<Source, OwnTrack>): Promise<void> {
    if (!joined.resumed || !this.#receiving) this.#begin(joined);
    if (joined.offer) await this.#take(joined.offer);
    if (own.size && (!joined.resumed || this.#unsent)) await this.send(own);
    else await this.#tellMuted(own);
  }

  /** Changes that come together are offered together. */
  send(own: ReadonlyMap<Source, OwnTrack>): Promise<void> {
    this.#wanted = own;
    this.#unsent = true;
    this.#sends ??= this.#sendAll().finally(() => { this.#sends = null; });
    return this.#sends;
  }

  async mute(source: Source, muted: boolean): Promise<void> {
    await this.#ask('mute', { source, muted });
  }

  async muteOther(userId: string, source: Source): Promise<void> {
    await this.#ask('mute', { userId, source, muted: true });
  }

  async show(publication: string, height: number): Promise<void> {
    await this.#ask('show', { publication, maxHeight: Math.min(Math.round(height), 10_000) });
  }

  offered(offer: Offer): void {
    this.#take(offer).catch((error: Error) => this.#hooks.problem(error));
  }

  changed({ publication, state }: { publication: string; state: 'on' | 'off' | 'gone' }): void {
    if (state === 'gone') this.#told.delete(publication);
    else this.#told.set(publication, state); // it may be of an offer that is being taken
    const shown = this.#shown.get(publication);
    if (shown && shown.state !== state && state !== 'gone') this.#set({ ...shown, state });
  }

  async statistics(): Promise<Flow[]> {
    const sources = new Map([...this.#senders].map(([source, { mid }]) => [mid, { source }]));
    const shown = new Map([...this.#shown.values()].map((each) => [each.mid, each]));
    return [
      ...await flows(this.#sending, 'outbound-rtp', sources),
      ...await flows(this.#receiving, 'inbound-rtp', shown),
    ];
  }

  close(): void {
    this.#sending?.close();
    this.#receiving?.close();
    this.#sending = this.#receiving = null;
    this.#senders.clear();
    this.#told.clear();
    for (const shown of [...this.#shown.values()]) this.#set({ ...shown, state: 'gone' });
  }

  #begin({ iceServers }: Joined): void {
    this.close();
    this.#iceServers = iceServers ?? [];
    this.#version = this.#answered = -1;
    const receiving = this.#receiving = this.#connection();
    receiving.onconnectionstatechange = () => {
      if (receiving === this.#receiving && receiving.connectionState === 'failed') this.#hooks.lost();
    };
  }

  #connection(): RTCPeerConnection {
    return new RTCPeerConnection({ iceServers: this.#iceServers }); // no server needs to be told our candidates
  }

  // Receiving: offers one after another, the newest last. One that was answered may come again, and is not answered again.

  #take(offer: Offer): Promise<void> {
    const receiving = this.#receiving;
    for (const { publication, on } of offer.tracks) this.changed({ publication, state: on === false ? 'off' : 'on' });
    this.#taking = this.#taking.catch(() => {}).then(async () => {
      if (!receiving || receiving !== this.#receiving || offer.version <= this.#answered) return;
      if (offer.version > this.#version) {
        await receiving.setRemoteDescription({ type: 'offer', sdp: offer.sdp });
        await receiving.setLocalDescription();
        this.#version = offer.version;
        this.#compare(receiving, offer);
      }
      await this.#ask('answer', { version: offer.version, sdp: receiving.localDescription?.sdp });
      this.#answered = offer.version;
    });
    return this.#taking;
  }

  #compare(receiving: RTCPeerConnection, offer: Offer): void {
    const offered = new Set(offer.tracks.map(({ publication }) => publication));
    for (const shown of [...this.#shown.values()]) {
      if (!offered.has(shown.publication)) this.#set({ ...shown, state: 'gone' });
    }
    for (const { mid, publication, userId, source } of offer.tracks) {
      const track = receiving.getTransceivers().find((each) => each.mid === mid)?.receiver.track;
      if (!track || this.#shown.has(publication)) continue;
      this.#set({ mid, publication, userId, source, track, state: this.#told.get(publication) ?? 'on' });
    }
  }

  #set(shown: RemoteTrack & { mid: string }): void {
    if (shown.state === 'gone') this.#shown.delete(shown.publication);
    else this.#shown.set(shown.publication, shown);
    const { publication, userId, source, track, state } = shown;
    this.#hooks.track({ publication, userId, source, track, state });
  }

  // Sending: each source has a section for good, which is silent while the source is not sent.

  async #sendAll(): Promise<void> {
    await null; // what is published in the same turn goes along
    while (this.#unsent) {
      this.#unsent = false;
      try {
        await this.#offer(this.#wanted);
      } catch (error) {
        this.#unsent = true;
        throw error;
      }
    }
  }

  async #offer(own: ReadonlyMap<Source, OwnTrack>): Promise<void> {
    if (!this.#receiving || (!own.size && !this.#sending)) return;
    const sending = this.#sending ??= this.#sender();
    for (const [source, { sender }] of this.#senders) if (!own.has(source)) await sender.replaceTrack(null);
    for (const { source, track } of own.values()) await this.#put(sending, source, track);
    for (const [source, transceiver] of this.#senders) transceiver.direction = own.has(source) ? 'sendonly' : 'inactive';
    await sending.setLocalDescription();
    const sources = Object.fromEntries([...this.#senders].flatMap(([source, { mid }]) => own.has(source) ? [[mid, source]] : []));
    const { sdp } = await this.#ask<{ sdp: string }>('publish', { sdp: sending.localDescription?.sdp, sources });
    if (sending !== this.#sending) return;
    await sending.setRemoteDescription({ type: 'answer', sdp });
    await this.#tellMuted(own);
  }

  #sender(): RTCPeerConnection {
    const sending = this.#connection();
    sending.onconnectionstatechange = () => {
      if (sending !== this.#sending || sending.connectionState !== 'failed') return;
      sending.close();
      this.#sending = null;
      this.#senders.clear();
      this.send(this.#wanted).catch((error: Error) => this.#hooks.problem(error));
    };
    return sending;
  }

  async #put(sending: RTCPeerConnection, source: Source, track: MediaStreamTrack): Promise<void> {
    const present = this.#senders.get(source);
    if (present) {
      if (present.sender.track !== track) await present.sender.replaceTrack(track);
      return;
    }
    const sendEncodings = encodings(source, track.getSettings().height ?? 0);
    const how: RTCRtpTransceiverInit = { direction: 'sendonly' };
    this.#senders.set(source, sending.addTransceiver(track, sendEncodings.length ? { ...how, sendEncodings } : how));
  }

  async #tellMuted(own: ReadonlyMap<Source, OwnTrack>): Promise<void> {
    for (const { source, state } of own.values()) if (state === 'muted') await this.mute(source, true);
  }
}

type Known = { source: Source; userId?: string; publication?: string };

async function flows(
  connection: RTCPeerConnection | null, type: 'inbound-rtp' | 'outbound-rtp', known: ReadonlyMap<string | null, Known>,
): Promise<Flow[]> {
  const found: Flow[] = [];
  (await connection?.getStats())?.forEach((each) => {
    if (each.type !== type) return;
    const about = known.get(each.mid);
    found.push({
      direction: type === 'inbound-rtp' ? 'in' : 'out', kind: each.kind, source: about?.source, userId: about?.userId,
      publication: about?.publication, layer: each.rid, bytes: each.bytesReceived ?? each.bytesSent ?? 0,
      packetsLost: each.packetsLost ?? 0, frames: each.framesDecoded ?? each.framesEncoded ?? 0, width: each.frameWidth ?? 0,
      height: each.frameHeight ?? 0, framesPerSecond: each.framesPerSecond ?? 0, energy: each.totalAudioEnergy ?? 0,
      limitedBy: each.qualityLimitationReason,
    });
  });
  return found;
}
