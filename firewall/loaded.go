package firewall

// Loaded is a policy and what the kernel at hand can do for it: what a ruleset is made of.
type Loaded struct {
	Policy   Policy   `json:"policy"`
	Features Features `json:"features"`
}

// Table is the ruleset. It fails only with the error of [Policy.Check].
func (l Loaded) Table() (Table, error) { return Compile(l.Policy, l.Features) }
