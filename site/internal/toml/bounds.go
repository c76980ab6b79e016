package toml

// How much there may be of one thing. What is compared with all others of its kind has the lowest bounds;
// rules and ports are not, and are bounded by the size of the file.
const (
	maxNetworks = 500  // lans, relayed networks, and zones
	maxTables   = 4096 // of most kinds
	maxKeys     = 4096 // of one table: what the standard's own check does with them is not linear
	maxItems    = 4096 // of a list
	unbounded   = 1 << 20
)

// mostTables is how many tables of a path there may be.
func mostTables(path string) int {
	switch path {
	case "lan", "relayed", "firewall.zone":
		return maxNetworks
	case "firewall.allow", "firewall.deny", "port":
		return unbounded
	}
	return maxTables
}

// bounded reports a list that is too long, and returns what is read of it.
func (d *decoder) bounded(e *entry, items []*node) []*node {
	if len(items) <= maxItems {
		return items
	}
	d.problem.At(e.at, "%s has %d items; expected at most %d", e.key, len(items), maxItems)
	d.whole = false
	return items[:maxItems]
}
