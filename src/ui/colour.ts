/** Hues in degrees, without the reds that mean an error; neighbours in the list are far apart on the wheel. */
const hues = [240, 80, 310, 150, 200, 50, 275, 115, 180, 220, 65, 290, 135] as const;

/** The hue of a service: the same on every page and day. */
export function serviceHue(service: string): number {
  return hues[slotOf(service)] ?? 0;
}

/** Hues of services that are seen together: each its own while there are hues left, else by the name alone. */
export function serviceHues(services: readonly string[]): ReadonlyMap<string, number> {
  const taken = new Set<number>();
  const found = new Map<string, number>();
  for (const service of services.toSorted()) {
    let slot = slotOf(service);
    while (taken.has(slot) && taken.size < hues.length) {
      slot = (slot + 1) % hues.length;
    }
    taken.add(slot);
    found.set(service, hues[slot] ?? 0);
  }
  return found;
}

/** FNV-1a, folded. */
function slotOf(service: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < service.length; i++) {
    hash = Math.imul(hash ^ service.charCodeAt(i), 0x01000193) >>> 0;
  }
  return ((hash ^ (hash >>> 16)) >>> 0) % hues.length;
}

/** The hue of the n-th line of a chart. */
export function seriesHue(index: number): number {
  return hues[index % hues.length] ?? 0;
}
