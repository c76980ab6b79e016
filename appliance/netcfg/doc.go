// Package netcfg makes the links, addresses, routes and settings of a kernel equal to a plan.
//
// [Diff] says what to change, and is pure. [Apply] looks at what is, changes only what differs, and looks
// again, until nothing differs: applying twice changes nothing, and it does not matter what was there before.
// New addresses come first, then routes change, then old addresses go: there is no moment without a way out.
// What does not work is reported by name and the rest is done all the same. Settings come before links are
// up; those of the last plan, while links are as they were, after all else: a new address does not wait for
// them to be read.
//
// A [Keeper] does so whenever its plan is replaced, or a link of the plan goes, comes or was down.
//
// It takes away only what it made: addresses and routes carry [Owner] as their protocol, VLANs as their
// group. What people, other daemons or the kernel have added stays, on all links.
//
// The kernel is a [Network], which package rtnl is. Moving packets before the firewall is loaded is the
// caller's mistake to avoid: sysctls that forward are settings like others.
package netcfg

// Owner marks what Apply made: the protocol of addresses and routes (rtnetlink(7), rtm_protocol), the group
// of VLANs. No routing daemon of /etc/iproute2/rt_protos has this number.
const Owner = 71
