import type { LiveRoom, OwnTrack, Participant, Quality, RemoteTrack } from '@stoa/live';
import { at, icon, make } from './html.js';
import { initials } from './words.js';

export const QUALITY: Record<Quality, string> = {
  good: 'Good connection', low: 'Weak connection', 'very-low': 'Very weak connection',
};

interface Tile {
  figure: HTMLElement;
  video: HTMLVideoElement;
  caption: HTMLElement;
  letters: HTMLElement;
  stop?: () => void;
}

/** The pictures: a tile for everybody, and one for every screen that is shared, which is large. */
export class Tiles {
  readonly #room: LiveRoom;
  readonly #tiles = new Map<string, Tile>();
  readonly #sounds = new Map<string, HTMLAudioElement>();
  /** Those whose microphone is on. */
  readonly #heard = new Set<string>();

  constructor(room: LiveRoom) {
    this.#room = room;
  }

  isSilent(userId: string): boolean {
    return !this.#heard.has(userId);
  }

  person(participant: Participant): void {
    const tile = this.#tile(participant.userId, participant);
    tile.figure.classList.toggle('speaks', participant.speaking);
    tile.letters.textContent = initials(participant.name);
    this.#caption(tile, participant);
  }

  gone(userId: string): void {
    for (const id of [userId, `${userId} screen`]) {
      this.#tiles.get(id)?.stop?.();
      this.#tiles.get(id)?.figure.remove();
      this.#tiles.delete(id);
    }
    this.#heard.delete(userId);
    this.#arrange();
  }

  /** Somebody else's track came, changed or went. */
  track(track: RemoteTrack): void {
    if (track.track.kind === 'audio') this.#sound(track);
    else if (track.source === 'screen') this.#screen(track.userId, track.state === 'gone' ? null : track.track, track.publication);
    else this.#picture(track.userId, track.state === 'on' ? track.track : null, track.publication);
    if (track.source === 'mic') {
      this.#heard[track.state === 'on' ? 'add' : 'delete'](track.userId);
      this.#again(track.userId);
    }
  }

  own(me: string, { source, state, track }: OwnTrack): void {
    if (source === 'camera') this.#picture(me, state === 'on' ? track : null);
    if (source === 'screen') this.#screen(me, state === 'ended' ? null : track);
    if (source === 'mic') {
      this.#heard[state === 'on' ? 'add' : 'delete'](me);
      this.#again(me);
    }
  }

  clear(): void {
    for (const id of [...this.#tiles.keys()]) this.gone(id);
    for (const sound of this.#sounds.values()) sound.remove();
    this.#sounds.clear();
    this.#heard.clear();
  }

  #sound({ publication, state, track }: RemoteTrack): void {
    this.#sounds.get(publication)?.remove();
    this.#sounds.delete(publication);
    if (state === 'gone') return;
    const sound = make('audio', { autoplay: true, srcObject: new MediaStream([track]) });
    this.#sounds.set(publication, sound);
    at('sounds').append(sound);
    sound.play().catch(() => { at('unblock').hidden = false; });
  }

  #picture(userId: string, track: MediaStreamTrack | null, publication?: string): void {
    const participant = this.#room.participants.find((one) => one.userId === userId);
    const tile = this.#tile(userId, participant);
    this.#put(tile, track, publication);
  }

  #screen(userId: string, track: MediaStreamTrack | null, publication?: string): void {
    const id = `${userId} screen`;
    if (!track) {
      this.#tiles.get(id)?.stop?.();
      this.#tiles.get(id)?.figure.remove();
      this.#tiles.delete(id);
      this.#arrange();
      return;
    }
    const participant = this.#room.participants.find((one) => one.userId === userId);
    const tile = this.#tile(id);
    tile.figure.classList.add('screen');
    tile.caption.replaceChildren(icon('screen'), participant?.isMe ? 'Your screen' : `${participant?.name ?? 'Somebody'}'s screen`);
    this.#put(tile, track, publication);
    this.#arrange();
  }

  #put(tile: Tile, track: MediaStreamTrack | null, publication?: string): void {
    tile.figure.classList.toggle('dark', !track);
    const shown = (tile.video.srcObject as MediaStream | null)?.getVideoTracks()[0];
    if (shown !== (track ?? undefined)) tile.video.srcObject = track ? new MediaStream([track]) : null;
    tile.stop?.();
    delete tile.stop;
    if (track && publication) tile.stop = this.#room.fit(tile.video, publication);
  }

  #tile(id: string, participant?: Participant): Tile {
    const before = this.#tiles.get(id);
    if (before) return before;
    const video = make('video', { autoplay: true, playsInline: true, muted: true });
    const letters = make('span', { className: 'letters', ariaHidden: 'true' });
    const caption = make('figcaption');
    const figure = make('figure', { className: 'tile dark' }, video, letters, caption);
    figure.dataset['user'] = id;
    if (participant?.isMe) figure.classList.add('me');
    const tile: Tile = { figure, video, caption, letters };
    this.#tiles.set(id, tile);
    at(id.endsWith(' screen') ? 'screens' : 'tiles').append(figure);
    if (participant) this.person(participant);
    this.#arrange();
    return tile;
  }

  #again(userId: string): void {
    const participant = this.#room.participants.find((one) => one.userId === userId);
    if (participant && this.#tiles.has(userId)) this.person(participant);
  }

  #caption(tile: Tile, { userId, name, isMe, hand, quality }: Participant): void {
    const signs: Node[] = [];
    if (this.isSilent(userId)) signs.push(sign('mic-off', 'Microphone off'));
    if (hand) signs.push(sign('hand', 'Hand raised'));
    const bars = sign(`bars-${quality}`, QUALITY[quality]);
    bars.classList.add('bars', quality);
    tile.caption.replaceChildren(make('span', { className: 'name' }, isMe ? `${name} (you)` : name), ...signs, bars);
  }

  #arrange(): void {
    const people = [...this.#tiles.keys()].filter((id) => !id.endsWith(' screen')).length;
    at('tiles').dataset['count'] = String(Math.min(people, 12));
  }
}

/** A picture with words for those who do not see it. */
export function sign(name: string, words: string): HTMLElement {
  return make('span', { className: 'sign', title: words }, icon(name), make('span', { className: 'unseen' }, words));
}
