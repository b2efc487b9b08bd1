/** Admits nobody for some time; an earlier, longer closing stays. */
// @ts-nocheck

export const pause = `
closed = math.max(closed, now + number())
matters(closed)
if own_lease then put_lease(own_lease) end
save()
return answer()
`;
