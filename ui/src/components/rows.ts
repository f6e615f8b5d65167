/**
 * Where a key leads from row `at` of `count`, or nothing if it moves nowhere. `page` is how many rows Page Up and Page
 * Down pass; without it they do nothing.
 */
export function rowAfter(key: string, at: number, count: number, page?: number): number | undefined {
  const steps: Record<string, number | undefined> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: page === undefined ? undefined : at + page,
    PageUp: page === undefined ? undefined : at - page,
    Home: 0,
    End: count - 1,
  };
  const to = steps[key];
  return to === undefined ? undefined : Math.max(0, Math.min(count - 1, to));
}
