package firewall

// Loaded is a policy and what the kernel at hand can do for it: what a ruleset is made of.
type Loaded struct {
	Policy   Policy   `json:"policy"`
	Features Features `json:"features"`
}

// ARP is the ruleset for ARP. It does not fail for a policy without an error of [Policy.Check].
func (l Loaded) ARP() Table { return compileARP(l.Policy) }

// Table is the ruleset for IPv4 and IPv6. It fails only with the error of [Policy.Check].
func (l Loaded) Table() (Table, error) { return Compile(l.Policy, l.Features) }
