const SETTLED = 250;

/** Tells how many pixels tall an element is, and 0 while it is not to be seen, until what it answers is called. */
export function watchHeight(element: Element, told: (height: number) => void): () => void {
  let height = 0, seen = true, last = -1;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    const now = seen ? Math.round(height * (globalThis.devicePixelRatio || 1)) : 0;
    // A tile that grows by a hair is no reason to ask for another picture.
    if (last >= 0 && Math.abs(now - last) <= last * 0.1) return;
    last = now;
    told(now);
  };
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(tell, SETTLED);
  };
  const sizes = new ResizeObserver((entries) => {
    height = entries.at(-1)?.contentRect.height ?? height;
    changed();
  });
  const sight = new IntersectionObserver((entries) => {
    seen = entries.at(-1)?.isIntersecting ?? seen;
    changed();
  });
  sizes.observe(element);
  sight.observe(element);
  return () => {
    clearTimeout(timer);
    sizes.disconnect();
    sight.disconnect();
  };
}
