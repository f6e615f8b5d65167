import type { IconName } from '../components/icons';
import { m } from '../paraglide/messages';
import { number } from './format';
import { kept } from './kept';
import { locale } from './locale.svelte';
import { visible } from './visible';
import type { Tone } from './words';

type Known = Record<string, () => string>;

const compliances: Known = {
  compliant: m.compliance_compliant,
  noncompliant: m.compliance_noncompliant,
  conflict: m.compliance_conflict,
  error: m.compliance_error,
  inGracePeriod: m.compliance_grace,
  configManager: m.compliance_config_manager,
  unknown: m.owner_unknown,
};

const managementStates: Known = {
  managed: m.management_managed,
  retirePending: m.management_retire_pending,
  retireFailed: m.management_retire_failed,
  retireIssued: m.management_retire_issued,
  retireCanceled: m.management_retire_canceled,
  wipePending: m.management_wipe_pending,
  wipeFailed: m.management_wipe_failed,
  wipeIssued: m.management_wipe_issued,
  wipeCanceled: m.management_wipe_canceled,
  deletePending: m.management_delete_pending,
  unhealthy: m.management_unhealthy,
  discovered: m.management_discovered,
  unknown: m.owner_unknown,
};

const named = (name: string) => () => name;
const mdm = named('MDM');
const activeSync = named('Exchange ActiveSync');
const configurationManager = named('Configuration Manager');
const lists = kept((language) => new Intl.ListFormat(language));
const together =
  (...parts: (() => string)[]) =>
  () =>
    lists(locale(), null).format(parts.map((part) => part()));

const agents: Known = {
  eas: activeSync,
  mdm,
  easMdm: together(activeSync, mdm),
  intuneClient: m.agent_intune_client,
  easIntuneClient: together(m.agent_intune_client, activeSync),
  configurationManagerClient: configurationManager,
  configurationManagerClientMdm: together(configurationManager, mdm),
  configurationManagerClientMdmEas: together(configurationManager, mdm, activeSync),
  jamf: named('Jamf'),
  googleCloudDevicePolicyController: named('Android Device Policy'),
  microsoft365ManagedMdm: named('Microsoft 365 MDM'),
  msSense: m.agent_defender,
  unknown: m.owner_unknown,
};

const enrollments: Known = {
  userEnrollment: m.enrollment_user,
  deviceEnrollmentManager: m.enrollment_manager,
  appleBulkWithUser: m.enrollment_apple_bulk_user,
  appleBulkWithoutUser: m.enrollment_apple_bulk,
  appleUserEnrollment: m.enrollment_apple_user,
  appleUserEnrollmentWithServiceAccount: m.enrollment_apple_service,
  windowsAzureADJoin: m.enrollment_entra_join,
  windowsAzureADJoinUsingDeviceAuth: m.enrollment_entra_join_device,
  windowsBulkUserless: m.enrollment_bulk,
  windowsBulkAzureDomainJoin: m.enrollment_bulk_join,
  windowsAutoEnrollment: m.enrollment_automatic,
  windowsCoManagement: m.enrollment_comanagement,
  unknown: m.owner_unknown,
};

const platforms: Known = {
  windows: named('Windows'),
  windowsMobile: named('Windows Mobile'),
  windowsHolographic: named('Windows Holographic'),
  ios: named('iOS'),
  macOS: named('macOS'),
  chromeOS: named('ChromeOS'),
  androidOSP: named('Android'),
  androidDeviceAdministrator: m.platform_android_admin,
  androidWorkProfile: m.platform_android_work,
  androidDedicatedAndFullyManaged: m.platform_android_full,
  unknown: m.owner_unknown,
};

const actions: Known = {
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
function said(words: Known, value: string): string {
  return value === '' ? m.owner_unknown() : (known(words, value)?.() ?? visible(value));
}

export const complianceText = (value: string) => said(compliances, value);
export const managementStateText = (value: string) => said(managementStates, value);
export const agentText = (value: string) => said(agents, value);
export const enrollmentText = (value: string) => said(enrollments, value);
export const platformText = (value: string) => said(platforms, value);

/** What a run found of a device: its management state or its agent. No word is both, but for the unknown. */
export const foundStateText = (value: string) => said({ ...agents, ...managementStates }, value);

export function actionText(action: string): string {
  return said(actions, action);
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
  return `${number(mib / 1024, { maximumFractionDigits: 1 })} GiB`;
}
