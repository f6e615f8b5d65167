import {
  failure,
  type Backend,
  type SettingsView,
  type SetupLinks,
  type TenantCheck,
  type TenantInput,
} from '../backend/backend';
import { m } from '../paraglide/messages';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DOMAIN = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i;
const TYPING_PAUSE_MS = 400;

export function isTenant(text: string): boolean {
  return GUID.test(text) || DOMAIN.test(text);
}

export function isClientId(text: string): boolean {
  return GUID.test(text);
}

/** The clouds to choose from; the custom one only where the file has it. */
export function clouds(now: string): { value: string; words: string }[] {
  return [
    { value: 'global', words: m.cloud_global() },
    { value: 'us-gov', words: m.cloud_us_gov() },
    { value: 'us-gov-dod', words: m.cloud_us_gov_dod() },
    { value: 'china', words: m.cloud_china() },
    ...(now === 'custom' ? [{ value: 'custom', words: m.cloud_custom() }] : []),
  ];
}

/** What is missing before the sign-in can be tried, in the order of the fields. */
export type Missing = 'tenant' | 'tenantFormat' | 'tenantFound' | 'tenantCloud' | 'client' | 'clientFormat';

/** A tenant and an application as they are typed, and what the cloud says of the tenant. */
export class SetUp {
  tenant = $state('');
  clientId = $state('');
  cloud = $state('global');
  asking = $state(false);
  /** What the cloud said of the tenant as it stands in the field. */
  check = $state.raw<TenantCheck | null>(null);
  links = $state.raw<SetupLinks | null>(null);

  readonly tenantOk = $derived(isTenant(this.tenant.trim()));
  readonly clientOk = $derived(isClientId(this.clientId.trim()));
  readonly input = $derived<TenantInput>({
    tenant: this.tenant.trim(),
    clientId: this.clientId.trim(),
    cloud: this.cloud,
  });
  readonly missing = $derived.by(() => {
    const missing: Missing[] = [];
    if (this.tenant.trim() === '') missing.push('tenant');
    else if (!this.tenantOk) missing.push('tenantFormat');
    else if (this.check?.kind === 'notFound') missing.push('tenantFound');
    else if (this.check?.kind === 'otherCloud') missing.push('tenantCloud');
    if (this.clientId.trim() === '') missing.push('client');
    else if (!this.clientOk) missing.push('clientFormat');
    return missing;
  });

  #turn = 0;
  #linksTurn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** A further tenant starts with nothing but what policy fixes. */
  constructor(
    readonly backend: Backend,
    settings: SettingsView,
    further: boolean,
  ) {
    const given = (key: string) => !further || settings.locked.includes(key);
    this.tenant = (given('tenant') && settings.tenant) || '';
    this.clientId = (given('client_id') && settings.clientId) || '';
    this.cloud = settings.cloud;
    this.changed();
  }

  /** The tenant or its cloud is another: what was said of it no longer counts. */
  changed(): void {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.check = null;
    this.asking = this.tenantOk;
    if (this.asking) this.#timer = setTimeout(() => void this.#ask(), TYPING_PAUSE_MS);
    void this.link();
  }

  leave(): void {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.#linksTurn += 1;
  }

  /** Makes the addresses for what stands in the fields. */
  async link(): Promise<void> {
    const turn = ++this.#linksTurn;
    const input = this.tenantOk && this.clientOk ? this.input : { ...this.input, clientId: '' };
    const links = await this.backend.setupLinks(input).catch(() => null);
    if (turn === this.#linksTurn) this.links = links;
  }

  async #ask(): Promise<void> {
    const turn = ++this.#turn;
    let check: TenantCheck | null;
    try {
      check = await this.backend.checkTenant({ ...this.input, clientId: '' });
    } catch (thrown) {
      const problem = failure(thrown);
      // Somebody else asked meanwhile, and nothing is known.
      check = problem.code === 'superseded' ? null : { kind: 'notAsked', problem };
    }
    if (turn !== this.#turn) return;
    this.check = check;
    this.asking = false;
  }
}
