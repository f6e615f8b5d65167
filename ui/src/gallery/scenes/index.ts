import { deskScenes } from './desk';
import { hostileScenes } from './hostile';
import { listScenes } from './list';
import { placeScenes } from './places';
import { runScenes } from './run';
import type { Scene } from './scene';
import { signInScenes } from './sign-in';
import { tableScenes } from './table';

/** Every view and state there is a picture of. */
export const scenes: readonly Scene[] = [
  ...signInScenes,
  ...placeScenes,
  ...deskScenes,
  ...listScenes,
  ...tableScenes,
  ...runScenes,
  ...hostileScenes,
];
