/** Sets styles through the CSSOM, which the content security policy allows where it refuses `style` attributes. */
export function styled(node: HTMLElement, styles: Record<string, string>) {
  const update = (next: Record<string, string>) => {
    for (const [name, value] of Object.entries(next)) node.style.setProperty(name, value);
  };
  update(styles);
  return { update };
}
