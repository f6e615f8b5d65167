// What a signed-in start does not draw: read once that is painted, so that the start does not wait for it.
export { default as ConsentPanel } from '../components/ConsentPanel.svelte';
export { default as DeviceDetails } from '../components/DeviceDetails.svelte';
export { default as ListPanel } from '../components/ListPanel.svelte';
export { default as Overlays } from '../components/Overlays.svelte';
export { default as Results } from '../components/Results.svelte';
export { default as Tray } from '../components/Tray.svelte';
export { default as Confirmation } from './Confirmation.svelte';
export { default as History } from './History.svelte';
export { default as Lock } from './Lock.svelte';
export { default as Run } from './Run.svelte';
export { default as Settings } from './Settings.svelte';
export { default as SetUp } from './SetUp.svelte';
export { default as SignIn } from './SignIn.svelte';
