import type { Carrier } from './carrier.js';
import { DailyMedia, type DailyCall } from './daily-media.js';
import { Emitter } from './emitter.js';
import { ConnectionError, isFinal, LiveError } from './errors.js';
import { watchHeight } from './fit.js';
import { OwnTracks } from './own-tracks.js';
import { People, type Change } from './people.js';
import { Signalling } from './signalling.js';
import { StoaMedia } from './stoa-media.js';
import type { Entry, Flow, Joined, Offer, OwnTrack, Participant, Publishable, Quality, RoomEvents, Source } from './types.js';

const PAUSES = [250, 500, 1000, 2000, 4000];
/** Somebody whose media was lost comes back; who was put out stays out. */
const COMES_BACK = new Set(['dead', 'closed', 'lost', 'unconnected']);
/** A token is good for 60 s. */
const RENEW_EVERY = 30_000;

export interface RoomOptions {
  /** Asked for a token whenever one is needed (see `tokens`); or one token, renewed while one is in and signed in. */
  token: string | (() => Promise<string>);
  /** The server's origin; the page's own where it is absent. */
  server?: string;
  /** Who is signed in by a bearer token instead of the login cookie. */
  auth?: { token: string };
  /** The room's name: where the server has several nodes behind a proxy that chooses by it. */
  room?: string;
  /** Makes a daily-js call object, where the server's provider is Daily. */
  createDaily?: () => DailyCall;
}

export type State = 'out' | 'joining' | 'in' | 'reconnecting';

/** A room of Stoa: `join`, `publish`, `mute`, `send`, `leave`, and events that tell the rest (`RoomEvents`). */
export class LiveRoom extends Emitter<RoomEvents> {
  readonly #options: RoomOptions;
  readonly #people = new People();
  readonly #own: OwnTracks;
  #state: State = 'out';
  #joined: Joined | null = null;
  #signalling: Signalling | null = null;
  #carrier: Carrier | null = null;
  #seq = 0;
  #held: Entry[] | null = null;
  #fresh = false;
  #entering = false;
  #token: string | null = null;
  #renewing: ReturnType<typeof setInterval> | undefined;

  constructor(options: RoomOptions) {
    super();
    this.#options = options;
    this.#own = new OwnTracks((own) => this.emit('published', own), () => this.#sendAgain());
  }

  get state(): State { return this.#state; }
  /** How the last join was answered. */
  get joined(): Joined | null { return this.#joined; }
  get participants(): readonly Participant[] { return this.#people.all; }
  get isRecorded(): boolean { return this.#people.recording; }
  /** What one sends. */
  get own(): ReadonlyMap<Source, OwnTrack> { return this.#own.all; }

  // The five calls.

  /** Comes in, with what is published already. Raises LiveError where the server refuses, ConnectionError where it is gone. */
  async join(): Promise<Joined> {
    if (this.#state !== 'out') throw new LiveError('client.in_room', 'You are in the room already.');
    this.#state = 'joining';
    try {
      return await this.#enter(false);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /**
   * Sends a `track`, or the device or screen that the `constraints` ask for; `null` ends it. Raises the browser's error
   * where there is no such device, or one may not use it. Before `join`, it is sent from then on.
   */
  async publish(
    source: Publishable, how: { track?: MediaStreamTrack; constraints?: MediaTrackConstraints; muted?: boolean } | null = {},
  ): Promise<MediaStreamTrack | null> {
    let track: MediaStreamTrack | null = null;
    if (how === null) this.#own.end(source);
    else if (how.track) this.#own.put(source, track = how.track, how.muted);
    else track = await this.#own.capture(source, how.constraints, how.muted);
    await this.#carrier?.send(this.own);
    return track;
  }

  /** One's own; or, as the room's owner, somebody else's, who alone can take it back. */
  async mute(source: Source, muted = true, userId?: string): Promise<void> {
    if (userId !== undefined && userId !== this.#joined?.userId) {
      if (!muted) throw new LiveError('client.unmute', 'Nobody unmutes somebody else.');
      await this.#needed().muteOther(userId, source);
      return;
    }
    if (!this.own.has(source)) return;
    // Silent before it is told, and heard only after: nothing slips out in between.
    if (muted) this.#own.change(source, 'muted');
    if (this.#state === 'in') await this.#carrier?.mute(source, muted);
    else if (!muted && this.#state === 'reconnecting') throw new ConnectionError('The connection is gone.');
    if (!muted) this.#own.change(source, 'on');
  }

  /** `{chat: 'Hello'}` says something to all, `{hand: true}` raises one's hand. */
  async send(message: { chat: string } | { hand: boolean }): Promise<void> {
    if (!this.#signalling || this.#state !== 'in') throw new ConnectionError('You are not in the room.');
    if ('chat' in message) await this.#signalling.ask('chat', { text: message.chat });
    else await this.#signalling.ask('hand', { raised: message.hand });
  }

  async leave(): Promise<void> {
    if (this.#state === 'out') return;
    const signalling = this.#signalling;
    this.#state = 'out';
    this.#carrier?.close();
    await Promise.race([signalling?.ask('leave').catch(() => {}), pause(2000)]);
    this.#out('left', 'You left.');
  }

  // Besides.

  /** Asks for no larger a picture than the element shows, for as long as what it answers is not called. */
  fit(element: Element, publication: string): () => void {
    return watchHeight(element, (height) => {
      if (this.#state === 'in') this.#carrier?.show(publication, height).catch((error: Error) => this.emit('problem', error));
    });
  }

  /** What goes out and comes in, in numbers. */
  async statistics(): Promise<Flow[]> {
    return this.#carrier?.statistics() ?? [];
  }

  // Coming in, and coming back.

  async #enter(resume: boolean): Promise<Joined> {
    this.#entering = true;
    try {
      return await this.#tryToEnter(resume);
    } finally {
      this.#entering = false;
    }
  }

  async #tryToEnter(resume: boolean): Promise<Joined> {
    const token = await this.#freshToken();
    const held: Entry[] = this.#held = [];
    const { server = location.origin, auth, room } = this.#options;
    const address = { server, auth, room };
    let opened: Signalling | null = null;
    const signalling = opened = await Signalling.open(
      address,
      (event, data) => { if (!opened || opened === this.#signalling) this.#heard(event, data); },
      () => { if (opened === this.#signalling) this.#broken(); },
    );
    if (this.#state !== 'joining' && this.#state !== 'reconnecting') {
      signalling.close();
      throw new ConnectionError('You left meanwhile.');
    }
    this.#signalling = signalling;
    try {
      const first = this.#joined === null;
      const joined = await signalling.ask<Joined>('join', { token, resume, after: this.#seq });
      await this.#arrive(joined, held, first);
      if (this.#signalling !== signalling) throw new ConnectionError('The connection is gone.');
      return joined;
    } catch (error) {
      if (this.#signalling === signalling) this.#signalling = null;
      signalling.close();
      throw error;
    }
  }

  async #arrive(joined: Joined, held: Entry[], first: boolean): Promise<void> {
    this.#joined = joined;
    this.#fresh = false;
    this.#held = null;
    const changes = this.#people.arrived(joined, held);
    this.#carrier ??= this.#newCarrier(joined);
    // From here on a break-off is taken up again: the media may take its time.
    this.#state = 'in';
    this.emit('joined', joined);
    this.#tell(changes);
    for (const entry of held) this.#happened({ ...entry, past: first && entry.seq <= joined.seq });
    this.#seq = Math.max(this.#seq, joined.seq);
    await this.#carrier?.joined(joined, this.own);
    this.#renew();
  }

  #newCarrier(joined: Joined): Carrier | null {
    const hooks = {
      track: (track: RoomEvents['track']) => this.emit('track', track),
      ended: (source: Source) => this.#own.ended(source),
      speaker: (userId: string | null) => this.#speaks(userId),
      quality: (userId: string, quality: Quality) => this.#qualityOf(userId, quality),
      problem: (error: Error) => this.emit('problem', error),
      lost: () => this.#again(true),
    };
    if (joined.offer) return new StoaMedia((event, data) => this.#ask(event, data), hooks);
    // A page that makes no call object shows what `entry` says by itself.
    return joined.provider === 'daily' && this.#options.createDaily ? new DailyMedia(this.#options.createDaily, hooks) : null;
  }

  #ask<Told extends object>(event: string, data?: object): Promise<Told> {
    if (!this.#signalling) return Promise.reject(new ConnectionError('The connection is gone.'));
    return this.#signalling.ask<Told>(event, data);
  }

  async #freshToken(): Promise<string> {
    const { token } = this.#options;
    if (typeof token !== 'string') return token();
    return this.#token ?? token;
  }

  #renew(): void {
    clearInterval(this.#renewing);
    if (typeof this.#options.token !== 'string') return;
    const renew = async () => {
      const { token } = await this.#ask<{ token: string }>('renew');
      this.#token = token;
    };
    // Who is not signed in gets none, and can not come back after a break-off.
    const tried = () => renew().catch((error) => { if (error instanceof LiveError) clearInterval(this.#renewing); });
    this.#renewing = setInterval(tried, RENEW_EVERY);
    void tried();
  }

  #broken(): void {
    this.#signalling = null;
    if (this.#state === 'in' && !this.#entering) void this.#reconnect();
  }

  /** Comes in again: with all media anew where it is lost. */
  #again(fresh: boolean): void {
    this.#fresh ||= fresh;
    this.#signalling?.close();
  }

  async #reconnect(): Promise<void> {
    this.#state = 'reconnecting';
    for (let attempt = 1; this.#reconnects(); attempt++) {
      this.emit('reconnecting', { attempt });
      await pause((PAUSES[attempt - 1] ?? PAUSES.at(-1)!) * (0.75 + Math.random() / 2));
      if (!this.#reconnects()) return;
      try {
        await this.#enter(!this.#fresh);
        return;
      } catch (error) {
        if (isFinal(error)) return this.#out(error.code, error.message);
        this.#halfDone();
      }
    }
  }

  /** What failed after the answer came may be half done: the next time all begins anew. */
  #halfDone(): void {
    if (this.#state !== 'in') return;
    this.#state = 'reconnecting';
    this.#fresh = true;
  }

  #reconnects(): boolean {
    return this.#state === 'reconnecting';
  }

  // What is told.

  #heard(event: string, data: unknown): void {
    switch (event) {
      case 'entry': return this.#entered(data as Entry);
      case 'offer': return this.#carrier?.offered(data as Offer);
      case 'track': return this.#carrier?.changed(data as RoomEvents['track']);
      case 'speaker': return this.#speaks((data as RoomEvents['speaker']).userId);
      case 'quality': return this.#qualityOf((data as RoomEvents['quality']).userId, (data as RoomEvents['quality']).quality);
      case 'muted': return this.#silenced(data as RoomEvents['muted']);
      case 'room-lost': return this.#again(true);
      case 'resync': return this.#again(false);
      case 'error': return this.emit('problem', new LiveError((data as LiveError).code, (data as LiveError).message));
      case 'out': return this.#putOut((data as { reason: string }).reason);
    }
  }

  #putOut(reason: string): void {
    if (COMES_BACK.has(reason)) this.#again(true);
    else this.#out(reason, reason);
  }

  #entered(entry: Entry): void {
    if (this.#held) this.#held.push(entry);
    else if (entry.seq > this.#seq) {
      this.#tell(this.#people.happened(entry));
      this.#happened({ ...entry, past: false });
    }
  }

  #happened(entry: Entry): void {
    if (entry.seq <= this.#seq) return;
    this.#seq = entry.seq;
    this.emit('entry', entry);
  }

  #tell(changes: readonly Change[]): void {
    for (const change of changes) this.emit('participant', change);
  }

  #speaks(userId: string | null): void {
    this.#tell(this.#people.speaks(userId));
    this.emit('speaker', { userId });
  }

  #qualityOf(userId: string, quality: Quality): void {
    this.#tell(this.#people.qualityOf(userId, quality));
    this.emit('quality', { userId, quality });
  }

  #silenced(told: RoomEvents['muted']): void {
    this.#own.change(told.source, 'muted');
    this.emit('muted', told);
  }

  // The end.

  #sendAgain(): void {
    if (this.#state === 'in') this.#carrier?.send(this.own).catch((error: Error) => this.emit('problem', error));
  }

  #needed(): Carrier {
    if (!this.#carrier || this.#state !== 'in') throw new ConnectionError('You are not in the room.');
    return this.#carrier;
  }

  #out(reason: string, message: string): void {
    this.#end();
    this.#own.endAll();
    this.emit('out', { reason, message });
  }

  #end(): void {
    this.#state = 'out';
    clearInterval(this.#renewing);
    const signalling = this.#signalling;
    this.#signalling = null;
    this.#carrier?.close();
    this.#carrier = null;
    signalling?.close();
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
