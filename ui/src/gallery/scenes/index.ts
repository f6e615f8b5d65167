import { awaited } from './awaited';
import { deskScenes } from './desk';
import { hostileScenes } from './hostile';
import { placeScenes } from './places';
import { runScenes } from './run';
import type { Scene } from './scene';
import { signInScenes } from './sign-in';

const all: readonly Scene[] = [
  ...signInScenes,
  ...placeScenes,
  ...deskScenes,
  ...runScenes,
  ...hostileScenes,
  ...awaited,
];

/** Every view and state there is a picture of. */
export const scenes: readonly Scene[] = all.filter(({ off }) => !off);
