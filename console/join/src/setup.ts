import { capture } from '@stoa/live';
import { at, label, make } from './html.js';
import { whyNoDevice } from './words.js';

const PICTURES: Record<string, MediaTrackConstraints> = {
  720: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
  360: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30, max: 30 } },
  240: { width: { ideal: 320 }, height: { ideal: 240 }, frameRate: { ideal: 20, max: 20 } },
};
type Kind = 'mic' | 'camera';

/** One's own microphone and camera: chosen, tried out before one joins, and changed during the call. */
export class Setup {
  tracks: Partial<Record<Kind, MediaStreamTrack>> = {};
  muted: Record<Kind, boolean> = { mic: false, camera: false };
  /** Told during a call that there is another track; before it, nobody is. */
  changed: ((kind: Kind, track: MediaStreamTrack) => Promise<unknown>) | null = null;
  #meter: AudioContext | null = null;
  #drawing = 0;

  constructor() {
    at<HTMLSelectElement>('picture').value = remembered('picture') ?? '720';
    at('microphone').onchange = () => this.#choose('mic');
    at('camera').onchange = () => this.#choose('camera');
    at('picture').onchange = () => this.#choose('camera');
    for (const kind of ['mic', 'camera'] as const) {
      at(`try-${kind}`).onclick = () => {
        if (this.tracks[kind]) this.mute(kind, !this.muted[kind]);
        else void this.open(kind);
      };
    }
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.#list());
  }

  /** Opens what there is, and says in words what there is not. */
  async open(only?: Kind): Promise<void> {
    const { failed, ...tracks } = await capture({
      mic: only === 'camera' ? false : this.#wanted('mic'), camera: only === 'mic' ? false : this.#wanted('camera'),
    });
    Object.assign(this.tracks, tracks);
    const problem = whyNoDevice(failed);
    at('devices-problem').textContent = problem && !this.changed ? `${problem} You can join all the same.` : problem;
    for (const kind of ['mic', 'camera'] as const) {
      at<HTMLButtonElement>(`try-${kind}`).disabled = false;
      this.mute(kind, this.muted[kind]);
    }
    await this.#list();
    if (!this.changed) this.#listen();
  }

  mute(kind: Kind, muted: boolean): void {
    this.muted[kind] = muted;
    const track = this.tracks[kind];
    if (track && !this.changed) track.enabled = !muted;
    const there = Boolean(track), on = there && !muted;
    const word = kind === 'mic' ? 'Mic' : 'Camera';
    const button = at<HTMLButtonElement>(`try-${kind}`);
    button.setAttribute('aria-pressed', String(on));
    label(button, on ? kind : `${kind}-off`, there ? `${word} ${on ? 'on' : 'off'}` : `No ${word.toLowerCase()}: try again`);
    if (kind === 'camera') {
      at('preview').classList.toggle('dark', !on);
      at<HTMLVideoElement>('preview-video').srcObject = on && track && !this.changed ? new MediaStream([track]) : null;
    }
  }

  /** The meter and the preview are for before the call. */
  closePreview(): void {
    cancelAnimationFrame(this.#drawing);
    void this.#meter?.close().catch(() => {});
    this.#meter = null;
    at<HTMLVideoElement>('preview-video').srcObject = null;
  }

  close(): void {
    this.closePreview();
    for (const track of Object.values(this.tracks)) track.stop();
    this.tracks = {};
  }

  async #choose(kind: Kind): Promise<void> {
    remember('microphone', at<HTMLSelectElement>('microphone').value);
    remember('camera', at<HTMLSelectElement>('camera').value);
    remember('picture', at<HTMLSelectElement>('picture').value);
    const before = this.tracks[kind];
    before?.stop(); // some devices can be opened only once
    const { failed, ...tracks } = await capture({ mic: false, camera: false, [kind]: this.#wanted(kind) });
    const track = tracks[kind];
    at('devices-problem').textContent = whyNoDevice(failed);
    if (!track) return;
    this.tracks[kind] = track;
    if (this.changed) await this.changed(kind, track);
    else {
      this.mute(kind, this.muted[kind]);
      if (kind === 'mic') this.#listen();
    }
  }

  #wanted(kind: Kind): MediaTrackConstraints {
    const id = at<HTMLSelectElement>(kind === 'mic' ? 'microphone' : 'camera').value || remembered(kind === 'mic' ? 'microphone' : 'camera');
    const device = id ? { deviceId: { ideal: id } } : {};
    return kind === 'mic' ? device : { ...device, ...PICTURES[at<HTMLSelectElement>('picture').value] };
  }

  async #list(): Promise<void> {
    const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
    for (const [id, kind, own] of [['microphone', 'audioinput', 'mic'], ['camera', 'videoinput', 'camera']] as const) {
      const select = at<HTMLSelectElement>(id);
      const found = devices.filter((device) => device.kind === kind && device.deviceId);
      select.replaceChildren(...found.map((device, index) => make('option', { value: device.deviceId }, device.label || `${id} ${index + 1}`)));
      select.disabled = !found.length;
      if (!found.length) select.append(make('option', {}, `No ${id} is known`));
      select.value = this.tracks[own]?.getSettings().deviceId ?? select.value;
    }
  }

  /** How loud one is, so that one sees that one will be heard. */
  #listen(): void {
    cancelAnimationFrame(this.#drawing);
    const track = this.tracks.mic, meter = at<HTMLMeterElement>('level');
    meter.hidden = !track;
    if (!track) return;
    this.#meter ??= new AudioContext();
    const analyser = this.#meter.createAnalyser();
    this.#meter.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const draw = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      meter.value = Math.min(1, Math.sqrt(power) * 4);
      this.#drawing = requestAnimationFrame(draw);
    };
    draw();
  }
}

function remembered(name: string): string | null {
  try { return localStorage.getItem(`stoa-live-${name}`); } catch { return null; }
}

function remember(name: string, value: string): void {
  try { localStorage.setItem(`stoa-live-${name}`, value); } catch { /* a browser that keeps nothing */ }
}
