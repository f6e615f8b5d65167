import type { DeviceWarning, EarlierRequest, PlanItem } from '../backend/backend';

/** Why a review leaves a device out: together with all that one warning is about, or alone. */
export type LeftOutFor = DeviceWarning['kind'] | 'undocumented' | 'sent' | 'hand';

/** Returns the earlier request for a device, if another one may repeat what is done. */
export function sentAlready({ earlier }: PlanItem): EarlierRequest | null {
  return earlier?.isWarning ? earlier : null;
}

/** What a review leaves out, with every reason for it. Devices that were sent to already are left out until a person puts them in. */
export class LeftOut {
  #reasons = $state.raw<ReadonlyMap<string, ReadonlySet<LeftOutFor>>>(new Map());
  /** The earlier request in spite of which a person put a device in. */
  #putIn = new Map<string, string>();

  has({ device }: PlanItem): boolean {
    return this.#reasons.has(device.id);
  }

  isFor({ device }: PlanItem, kind: LeftOutFor): boolean {
    return this.#reasons.get(device.id)?.has(kind) ?? false;
  }

  /** A review of these devices is opened. What was taken out of the selection since, and selected again, is not left out unseen. */
  review(items: readonly PlanItem[]): void {
    const next = new Map<string, ReadonlySet<LeftOutFor>>();
    for (const item of items) {
      const { id } = item.device;
      const reasons = new Set(this.#reasons.get(id));
      if (!sentAlready(item)) reasons.delete('sent');
      else if (this.#putIn.get(id) !== requestOf(item)) reasons.add('sent');
      if (reasons.size > 0) next.set(id, reasons);
    }
    this.#reasons = next;
  }

  /** Leaves out all that one warning is about, or takes back in what nothing else leaves out. */
  setGroup(items: readonly PlanItem[], kind: LeftOutFor, include: boolean): void {
    const next = new Map(this.#reasons);
    for (const item of items) {
      const { id } = item.device;
      const reasons = new Set(next.get(id));
      if (include) reasons.delete(kind);
      else reasons.add(kind);
      if (reasons.size > 0) next.set(id, reasons);
      else next.delete(id);
      if (kind === 'sent') this.#remember(item, include);
    }
    this.#reasons = next;
  }

  /** A person's own tick goes before every other reason. */
  setOne(item: PlanItem, include: boolean): void {
    const next = new Map(this.#reasons);
    if (include) next.delete(item.device.id);
    else next.set(item.device.id, new Set<LeftOutFor>(['hand']));
    this.#remember(item, include);
    this.#reasons = next;
  }

  clear(): void {
    this.#reasons = new Map();
    this.#putIn.clear();
  }

  #remember(item: PlanItem, include: boolean): void {
    if (include && sentAlready(item)) this.#putIn.set(item.device.id, requestOf(item));
    else this.#putIn.delete(item.device.id);
  }
}

/** Names the newest request for a device: a newer one is another reason to leave it out. */
function requestOf({ earlier }: PlanItem): string {
  return earlier ? `${earlier.runId} ${earlier.sent}` : '';
}
