import type { Carrier, Hooks } from './carrier.js';
import { LiveError } from './errors.js';
import type { Flow, Joined, OwnTrack, RemoteTrack, Source } from './types.js';

/** As much of a daily-js call object as is needed: `createDaily: () => DailyIframe.createCallObject()`. */
export interface DailyCall {
  join(how: Record<string, unknown>): Promise<unknown>;
  leave(): Promise<unknown>;
  destroy(): Promise<unknown>;
  setLocalAudio(on: boolean): unknown;
  setLocalVideo(on: boolean): unknown;
  setInputDevicesAsync(devices: { audioSource?: MediaStreamTrack | false; videoSource?: MediaStreamTrack | false }): Promise<unknown>;
  startScreenShare(how: { mediaStream: MediaStream }): unknown;
  stopScreenShare(): unknown;
  updateParticipant(sessionId: string, changes: { setAudio?: false; setVideo?: false }): unknown;
  on(event: string, listener: (event?: any) => void): unknown; // eslint-disable-line -- typed by daily-js, an event each
}

interface DailyParticipant {
  session_id: string;
  user_id: string;
  local: boolean;
}

const SOURCES: Record<string, Source> = { audio: 'mic', video: 'camera', screenVideo: 'screen', screenAudio: 'screen-audio' };
/** What leaving and joining again does not help with: Stoa itself says whether one is out. */
const LASTING = new Set(['ejected', 'exp-room', 'exp-token', 'eject-timeout', 'no-room', 'not-allowed', 'nbf-room', 'nbf-token', 'meeting-full']);

/** Rooms of Daily.co: the join's `entry` says where, and with which token. */
export class DailyMedia implements Carrier {
  readonly #create: () => DailyCall;
  readonly #hooks: Hooks;
  #call: DailyCall | null = null;
  #people = new Map<string, DailyParticipant>();
  #shown = new Map<string, RemoteTrack>();
  #sent = new Map<Source, MediaStreamTrack>();
  #me = '';

  constructor(create: () => DailyCall, hooks: Hooks) {
    this.#create = create;
    this.#hooks = hooks;
  }

  async joined(joined: Joined, own: ReadonlyMap<Source, OwnTrack>): Promise<void> {
    if (joined.resumed && this.#call) return;
    this.close();
    this.#me = joined.userId;
    const call = this.#call = this.#create();
    this.#listen(call);
    const mic = own.get('mic'), camera = own.get('camera');
    await call.join({
      url: joined.entry['url'], token: joined.entry['token'], userName: joined.name,
      audioSource: mic?.track ?? false, videoSource: camera?.track ?? false,
      startAudioOff: mic?.state !== 'on', startVideoOff: camera?.state !== 'on',
    });
    for (const source of ['mic', 'camera'] as const) {
      const track = own.get(source)?.track;
      if (track) this.#sent.set(source, track);
    }
    await this.send(own);
  }

  async send(own: ReadonlyMap<Source, OwnTrack>): Promise<void> {
    const call = this.#call;
    if (!call) return;
    for (const source of ['mic', 'camera'] as const) {
      const one = own.get(source);
      if (one?.track === this.#sent.get(source)) continue;
      const key = source === 'mic' ? 'audioSource' : 'videoSource';
      await call.setInputDevicesAsync({ [key]: one?.track ?? false });
      await this.mute(source, one?.state !== 'on');
    }
    const screen = own.get('screen')?.track;
    if (screen !== this.#sent.get('screen')) {
      const sound = own.get('screen-audio')?.track;
      if (screen) call.startScreenShare({ mediaStream: new MediaStream(sound ? [screen, sound] : [screen]) });
      else call.stopScreenShare();
    }
    this.#sent = new Map([...own].map(([source, { track }]) => [source, track]));
  }

  async mute(source: Source, muted: boolean): Promise<void> {
    if (source === 'mic') this.#call?.setLocalAudio(!muted);
    if (source === 'camera') this.#call?.setLocalVideo(!muted);
  }

  async muteOther(userId: string, source: Source): Promise<void> {
    const found = [...this.#people.values()].find((one) => one.user_id === userId);
    if (!found) throw new LiveError('live.participant_not_found', 'They are not in the call.');
    this.#call?.updateParticipant(found.session_id, source === 'mic' ? { setAudio: false } : { setVideo: false });
  }

  async show(): Promise<void> {} // Daily chooses by itself

  offered(): void {}

  changed(): void {}

  async statistics(): Promise<Flow[]> {
    return [];
  }

  close(): void {
    const call = this.#call;
    this.#call = null;
    this.#sent.clear();
    this.#people.clear();
    for (const shown of [...this.#shown.values()]) this.#set({ ...shown, state: 'gone' });
    call?.leave().catch(() => {}).then(() => call.destroy()).catch(() => {});
  }

  #listen(call: DailyCall): void {
    const hear = (event: string, listener: (event: any) => void) => call.on(event, (data) => { // eslint-disable-line
      if (call === this.#call) listener(data ?? {});
    });
    const seen = ({ participant }: { participant: DailyParticipant }) => {
      if (!participant.local) this.#people.set(participant.session_id, participant);
    };
    hear('participant-joined', seen);
    hear('participant-updated', seen);
    hear('participant-left', ({ participant }) => {
      this.#people.delete(participant.session_id);
      for (const shown of [...this.#shown.values()]) {
        if (shown.publication.startsWith(`${participant.session_id}/`)) this.#set({ ...shown, state: 'gone' });
      }
    });
    hear('track-started', ({ participant, track, type }) => {
      const source = SOURCES[type];
      if (!participant || participant.local || !source) return;
      seen({ participant });
      this.#set({ publication: `${participant.session_id}/${type}`, userId: participant.user_id, source, track, state: 'on' });
    });
    hear('track-stopped', ({ track }) => {
      const shown = [...this.#shown.values()].find((each) => each.track === track);
      if (shown) this.#set({ ...shown, state: shown.source.startsWith('screen') ? 'gone' : 'off' });
    });
    hear('active-speaker-change', ({ activeSpeaker }) => {
      this.#hooks.speaker(this.#people.get(activeSpeaker?.peerId)?.user_id ?? this.#me);
    });
    hear('network-quality-change', ({ threshold }) => {
      if (threshold) this.#hooks.quality(this.#me, threshold);
    });
    hear('local-screen-share-stopped', () => this.#hooks.ended('screen'));
    hear('local-screen-share-canceled', () => this.#hooks.ended('screen'));
    hear('error', ({ error, errorMsg }) => {
      if (LASTING.has(error?.type)) this.#hooks.problem(new Error(errorMsg));
      else this.#hooks.lost();
    });
  }

  #set(shown: RemoteTrack): void {
    if (shown.state === 'gone') this.#shown.delete(shown.publication);
    else this.#shown.set(shown.publication, shown);
    this.#hooks.track(shown);
  }
}
