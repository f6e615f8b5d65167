const FOCUSABLE = 'button:not(:disabled), input:not(:disabled), [tabindex="0"]';

/** Keeps Tab inside of a dialog. */
export function trapped(node: HTMLElement) {
  const key = (event: KeyboardEvent) => {
    if (event.key !== 'Tab') return;
    const all = [...node.querySelectorAll<HTMLElement>(FOCUSABLE)];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = event.shiftKey ? at - 1 : at + 1;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  node.addEventListener('keydown', key);
  return { destroy: () => node.removeEventListener('keydown', key) };
}
