import type { Scene } from './scene.ts';

export async function strudels(_scene: Scene): Promise<void> {}
