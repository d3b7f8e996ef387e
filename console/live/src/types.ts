// What a room tells, and what is told to it. Times are in milliseconds since 1970, heights in pixels.

/** What a track shows or lets hear. */
export type Source = 'mic' | 'camera' | 'screen' | 'screen-audio';
/** What one publishes: a shared screen brings its sound along, where there is any. */
export type Publishable = 'mic' | 'camera' | 'screen';
export type Quality = 'good' | 'low' | 'very-low';
export type Role = 'instructor' | 'student';

export interface Participant {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly isMe: boolean;
  readonly hand: boolean;
  readonly quality: Quality;
  readonly speaking: boolean;
}

/** Somebody else's track. `off`: nothing comes of it now, for it is muted or they are gone; `gone`: it comes no more. */
export interface RemoteTrack {
  readonly publication: string;
  readonly userId: string;
  readonly source: Source;
  readonly state: 'on' | 'off' | 'gone';
  readonly track: MediaStreamTrack;
}

/** One's own. `ended`: it is not sent any more, as when the browser's own button ends a shared screen. */
export interface OwnTrack {
  readonly source: Source;
  readonly state: 'on' | 'muted' | 'ended';
  readonly track: MediaStreamTrack;
}

interface Happened {
  readonly seq: number;
  readonly at: number;
  /** Whether it happened before one came in for the first time. */
  readonly past: boolean;
}

/** What happened in the room, in its order; nothing is missing, and nothing comes twice. */
export type Entry = Happened & (
  | { readonly type: 'joined'; readonly userId: string; readonly name: string; readonly role: Role }
  | { readonly type: 'left'; readonly userId: string; readonly reason: string }
  | { readonly type: 'chat'; readonly userId: string; readonly name: string; readonly text: string }
  | { readonly type: 'hand'; readonly userId: string; readonly name: string; readonly raised: boolean }
  | { readonly type: 'kicked'; readonly userId: string }
  | { readonly type: 'permitted'; readonly userId: string; readonly micAllowed: boolean; readonly cameraAllowed: boolean }
  | { readonly type: 'recording_started' | 'recording_stopped' | 'ended' }
  /** Some of it could not be written; it goes on with what can be. */
  | { readonly type: 'recording_failed'; readonly reason: string }
);

/** An offer of the connection that receives, and what its sections show. */
export interface Offer {
  readonly version: number;
  readonly sdp: string;
  readonly tracks: readonly {
    readonly mid: string;
    readonly publication: string;
    readonly userId: string;
    readonly source: Source;
    readonly on?: boolean;
  }[];
}

/** How a join is answered. `entry` is the provider's own; without an `offer` the media is not signalled through Stoa. */
export interface Joined {
  readonly room: string;
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly isOwner: boolean;
  readonly micAllowed: boolean;
  readonly cameraAllowed: boolean;
  readonly resumed: boolean;
  readonly participants: readonly { readonly userId: string; readonly name: string; readonly role: Role }[];
  readonly seq: number;
  readonly provider: string;
  readonly entry: Readonly<Record<string, unknown>>;
  readonly iceServers?: RTCIceServer[];
  readonly offer: Offer | null;
}

/** One track as it goes out or comes in, counted since it began; a simulcast layer is a flow of its own. */
export interface Flow {
  readonly direction: 'in' | 'out';
  readonly kind: 'audio' | 'video';
  readonly source: Source | undefined;
  readonly userId: string | undefined;
  readonly publication: string | undefined;
  readonly layer: string | undefined;
  readonly bytes: number;
  readonly packetsLost: number;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** What was heard: the energy of all sound that came (`in`, audio). */
  readonly energy: number;
  /** Why a picture is smaller or slower than it could be: `cpu`, `bandwidth`, `none`. */
  readonly limitedBy: string | undefined;
}

export interface RoomEvents {
  /** One is in: for the first time, again (`resumed`: the call went on meanwhile), or anew. */
  joined: Joined;
  track: RemoteTrack;
  published: OwnTrack;
  /** Who came, who changed, who left. */
  participant: { participant: Participant; change: 'joined' | 'changed' | 'left' };
  speaker: { userId: string | null };
  quality: { userId: string; quality: Quality };
  entry: Entry;
  /** The owner muted one's own track: only oneself can take it back. */
  muted: { source: Source; by: string };
  /** The connection broke off, and is being taken up again. */
  reconnecting: { attempt: number };
  /** One is in the room no more: `left`, `kicked`, `ended`, `replaced`, `logged-out`, or the code of what refused one. */
  out: { reason: string; message: string };
  /** Something went wrong, and the call goes on. */
  problem: Error;
}
