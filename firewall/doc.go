// Package firewall turns a [Policy] (who may talk to whom) into a [Table] (what the kernel checks, in order).
//
// [Compile] is pure: one policy always gives the same tree, and it opens nothing. The tree is the only
// description of the ruleset: package nfttext writes it as nft text for people and for `nft -f`, package nft
// loads it into the kernel in one netlink transaction. Both render exactly the same rules.
//
// ARP has a table of its own, for the kernel asks no other about it ([Loaded.ARP]).
//
// Guarantees: what a policy does not allow is refused in both families; replies to what it allows pass;
// interfaces are matched by name, so the table loads before they exist and before they have addresses, but
// for those whose indexes are told ([Features]); the cost of a packet does not grow with the number of zones,
// which are keys of maps.
//
// Left to others: addresses, routes and forwarding sysctls (appliance/netcfg), mapping a site to a policy
// (appliance/plan), and other tables of the kernel, which are never touched.
package firewall
