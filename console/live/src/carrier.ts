import type { Flow, Joined, Offer, OwnTrack, Quality, RemoteTrack, Source } from './types.js';

/** What a carrier of media tells the room. */
export interface Hooks {
  track(track: RemoteTrack): void;
  /** A source of one's own that ended by itself. */
  ended(source: Source): void;
  speaker(userId: string | null): void;
  quality(userId: string, quality: Quality): void;
  problem(error: Error): void;
  /** The media is gone for good: come in anew. */
  lost(): void;
}

/** How media comes and goes with one provider. */
export interface Carrier {
  /** After every join. Unless it is `resumed`, everything begins anew. */
  joined(joined: Joined, own: ReadonlyMap<Source, OwnTrack>): Promise<void>;
  /** What is sent now: after a change of `own`. */
  send(own: ReadonlyMap<Source, OwnTrack>): Promise<void>;
  mute(source: Source, muted: boolean): Promise<void>;
  muteOther(userId: string, source: Source): Promise<void>;
  show(publication: string, height: number): Promise<void>;
  /** Where Stoa signals the media. */
  offered(offer: Offer): void;
  changed(track: { publication: string; state: 'on' | 'off' | 'gone' }): void;
  statistics(): Promise<Flow[]>;
  close(): void;
}
