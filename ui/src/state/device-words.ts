import type { IconName } from '../components/icons';
import { m } from '../paraglide/messages';
import { locale } from './locale.svelte';
import { visible } from './visible';
import type { Tone } from './words';

const compliances: Record<string, () => string> = {
  compliant: m.details_compliance_compliant,
  noncompliant: m.details_compliance_noncompliant,
  inGracePeriod: m.details_compliance_grace,
  conflict: m.details_compliance_conflict,
  error: m.details_compliance_error,
  configManager: m.details_compliance_config_manager,
  unknown: m.owner_unknown,
};

const managementStates: Record<string, () => string> = {
  managed: m.details_state_managed,
  retirePending: m.details_state_retire_pending,
  wipePending: m.details_state_wipe_pending,
  deletePending: m.details_state_delete_pending,
  unhealthy: m.details_state_unhealthy,
  discovered: m.details_state_discovered,
};

const actions: Record<string, () => string> = {
  recoverPasscode: m.action_recover_passcode,
  resetPasscode: m.action_reset_passcode,
  removePasscode: m.action_remove_passcode,
  remoteLock: m.action_remote_lock,
  wipe: m.action_wipe,
  retire: m.action_retire,
  rebootNow: m.action_reboot,
  shutDown: m.action_shut_down,
  syncDevice: m.action_sync,
  locateDevice: m.action_locate,
  enableLostMode: m.action_enable_lost_mode,
  disableLostMode: m.action_disable_lost_mode,
  setDeviceName: m.action_set_name,
  delete: m.action_delete,
  rotateBitLockerKeys: m.action_rotate_bitlocker,
  bypassActivationLock: m.action_bypass_activation,
};

const actionStates: Record<string, { what: () => string; icon: IconName; tone: Tone }> = {
  none: { what: m.action_state_none, icon: 'minus', tone: 'neutral' },
  pending: { what: m.action_state_pending, icon: 'clock', tone: 'accent' },
  active: { what: m.action_state_active, icon: 'up', tone: 'accent' },
  done: { what: m.action_state_done, icon: 'done', tone: 'good' },
  failed: { what: m.action_state_failed, icon: 'cross', tone: 'bad' },
  canceled: { what: m.action_state_canceled, icon: 'minus', tone: 'warn' },
  notSupported: { what: m.action_state_not_supported, icon: 'barred', tone: 'warn' },
};

// A word of Graph's such as `constructor` must not find what every object has.
function known<T>(words: Record<string, T>, value: string): T | undefined {
  return Object.hasOwn(words, value) ? words[value] : undefined;
}

/** Values that Graph adds later are shown as they are. */
export function complianceText(value: string): string {
  return known(compliances, value)?.() ?? visible(value);
}

export function managementStateText(value: string): string {
  return known(managementStates, value)?.() ?? visible(value);
}

export function actionText(action: string): string {
  return known(actions, action)?.() ?? visible(action);
}

export function actionState(state: string): { words: string; icon: IconName; tone: Tone } {
  const found = known(actionStates, state);
  return found
    ? { words: found.what(), icon: found.icon, tone: found.tone }
    : { words: visible(state), icon: 'question', tone: 'warn' };
}

/** Graph says whether a device is jailbroken as a text. */
export function jailbrokenText(value: string): string {
  if (/^true$/i.test(value)) return m.yes();
  if (/^false$/i.test(value)) return m.no();
  return /^unknown$/i.test(value) ? m.owner_unknown() : visible(value);
}

export function gibText(mib: number): string {
  const format = new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 });
  return `${format.format(mib / 1024)} GiB`;
}
