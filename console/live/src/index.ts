export { LiveRoom, type RoomOptions, type State } from './room.js';
export { capture, type Captured } from './devices.js';
export { ConnectionError, LiveError } from './errors.js';
export { tokens } from './tokens.js';
export type { DailyCall } from './daily-media.js';
export type {
  Entry, Flow, Joined, Offer, OwnTrack, Participant, Publishable, Quality, RemoteTrack, Role, RoomEvents, Source,
} from './types.js';
