/** Charges what a call has used instead of what it had reserved, and ends its place among those that run. */
export const settle = `
local reserved, used = pair(), pair()
local before = servable()
draw({ used[1] - reserved[1], used[2] - reserved[2] })
if own_lease then
  running = running - math.min(1, own_lease)
  put_lease(math.max(0, own_lease - 1))
end
save()
wake(before)
return answer()
`;
