package source

import "slices"

// The files of a site that have fixed names.
const (
	SiteTOML       = "site.toml"
	Hosts          = "hosts"
	Ethers         = "ethers"
	AuthorizedKeys = "authorized_keys"
)

// fixedNames are those files in the order in which problems are shown.
func fixedNames() []string { return []string{SiteTOML, Hosts, Ethers, AuthorizedKeys} }

// IsFixed reports whether name is that of a file which every site may have.
func IsFixed(name string) bool { return slices.Contains(fixedNames(), name) }

// fileRank orders problems by file.
func fileRank(name string) int {
	if i := slices.Index(fixedNames(), name); i >= 0 {
		return i
	}
	return len(fixedNames()) // the lists of the firewall, by name
}
