/** Keys of the per-edit design, shared by its rooms and its flush loop. */

export const PER_EDIT_PREFIX = 'per-edit:';
export const codeKey = (id: string) => `${PER_EDIT_PREFIX}code:${id}`;
export const messagesKey = (id: string) => `${PER_EDIT_PREFIX}messages:${id}`;
export const dirtyCodeKey = `${PER_EDIT_PREFIX}dirty-code`;
export const dirtyMessagesKey = `${PER_EDIT_PREFIX}dirty-messages`;
