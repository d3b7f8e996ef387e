/** The page's own element of that id. */
export function at<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found as T;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, properties: Partial<HTMLElementTagNameMap[Tag]> = {}, ...inside: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

/** A button whose name says what it does now, and whose icon shows how it is. */
export function label(button: HTMLElement, name: string, text: string): void {
  if (button.textContent?.trim() !== text) button.replaceChildren(icon(name), make('span', {}, text));
  else button.querySelector('use')?.setAttribute('href', `#icon-${name}`);
}

/** Asks before something that can not be taken back. */
export async function sure(question: string, yes: string): Promise<boolean> {
  const dialog = at<HTMLDialogElement>('sure');
  at('sure-question').textContent = question;
  at('sure-yes').textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  return dialog.returnValue === 'yes';
}
