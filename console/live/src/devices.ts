import type { Source } from './types.js';

export interface Captured {
  mic?: MediaStreamTrack;
  camera?: MediaStreamTrack;
  /** Why what is missing is missing: the browser's `NotFoundError`, `NotAllowedError`, `NotReadableError`, … */
  failed: Partial<Record<Source, DOMException>>;
}

/** A microphone and a camera, or whichever of the two there is: one that fails takes the other along in no browser's way. */
export async function capture(wanted: {
  mic?: MediaTrackConstraints | boolean; camera?: MediaTrackConstraints | boolean;
}): Promise<Captured> {
  const { mic = true, camera = true } = wanted;
  const found: Captured = { failed: {} };
  const open = async (constraints: MediaStreamConstraints) => {
    for (const track of (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()) {
      found[track.kind === 'audio' ? 'mic' : 'camera'] = track;
    }
  };
  if (!globalThis.navigator?.mediaDevices) {
    const error = new DOMException('Cameras and microphones need HTTPS.', 'NotSupportedError');
    return { failed: { ...(mic ? { mic: error } : {}), ...(camera ? { camera: error } : {}) } };
  }
  if (mic && camera && await open({ audio: mic, video: camera }).then(() => true, () => false)) return found;
  if (mic) await open({ audio: mic }).catch((error: DOMException) => { found.failed.mic = error; });
  if (camera) await open({ video: camera }).catch((error: DOMException) => { found.failed.camera = error; });
  return found;
}
