import type { Scene } from './scene.ts';

export async function people(_scene: Scene): Promise<void> {}
