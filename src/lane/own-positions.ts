/** Of positions that are the lane's own and no source's. */
export const ownPrefix = 'lane:';
/** What `Ages` must know in a later life. */
export const clockKey = `${ownPrefix}clock`;
