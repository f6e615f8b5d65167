import { screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, it } from 'vitest';

import { FakeBackend, problem } from '../backend/fake';
import { byId, findId, noId, openWindow } from '../test-window';

beforeEach(() => localStorage.clear());

describe('the view about Unlatch', () => {
  it('opens from the settings and says which version this is and what it holds', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    await person.click(byId('open-about'));
    expect(await findId('about-view')).toHaveTextContent(/Version\s*0\.1\.0/);
    expect(byId('about-view')).toHaveTextContent('Apache-2.0 or MIT');
    const notices = await findId('third-party-notices');
    expect(notices).toHaveTextContent('serde 1.0.229: MIT OR Apache-2.0');
    expect(notices).toHaveTextContent('Copyright (c) 2016-2026 Svelte Contributors');
    expect(notices).not.toHaveTextContent('-----');
  });

  it('draws each licence by itself, and the keys can scroll them', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.keyboard('{Control>}k{/Control}');
    await findId('palette');
    await person.keyboard('third-party{Enter}');
    const notices = await findId('third-party-notices');
    expect(notices.querySelectorAll('pre')).toHaveLength(3);
    expect(notices).toHaveAttribute('tabindex', '0');
    expect(screen.getByRole('region', { name: 'Third-party notices' })).toBe(notices);
  });

  it('asks again when they could not be read', async () => {
    const backend = FakeBackend.signedIn();
    backend.fail('thirdPartyNotices', problem('internal'));
    const { person } = await openWindow(backend);
    await person.keyboard('{Control>}k{/Control}');
    await findId('palette');
    await person.keyboard('acerca{Enter}');
    await findId('error-panel');
    noId('third-party-notices');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await findId('third-party-notices')).toHaveTextContent('serde');
    noId('error-panel');
  });
});
