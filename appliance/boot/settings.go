package boot

import "strings"

// A Setting is a setting of the kernel that holds from the start to the end, whatever the site says. What a
// site has a part in, forwarding among it, is the plan's.
type Setting struct {
	// Path is below /proc/sys. A star stands for every network interface: those that are there, and by
	// "default" all that come later, which begin with what is set there.
	Path  string
	Value string
	// Optional: a kernel may lack it, and then lacks what it is about.
	Optional bool
}

// settings are all of them; docs/hardening.md gives the reason of each, and a test of the image compares the
// two.
func settings() []Setting {
	return []Setting{
		{"fs/protected_fifos", "2", false},
		{"fs/protected_hardlinks", "1", false},
		{"fs/protected_regular", "2", false},
		{"fs/protected_symlinks", "1", false},
		{"fs/suid_dumpable", "0", false},
		{"kernel/dmesg_restrict", "1", true},
		{"kernel/kexec_load_disabled", "1", true},
		{"kernel/kptr_restrict", "2", false},
		{"kernel/perf_event_paranoid", "3", true},
		{"kernel/randomize_va_space", "2", false},
		{"kernel/sysrq", "0", true},
		{"kernel/unprivileged_bpf_disabled", "1", true},
		{"kernel/yama/ptrace_scope", "2", true},
		{"net/core/bpf_jit_harden", "2", true},
		{"user/max_user_namespaces", "0", true},
		{"vm/unprivileged_userfaultfd", "0", true},
		{"vm/watermark_boost_factor", "0", false},

		{"net/ipv4/conf/*/accept_redirects", "0", false},
		{"net/ipv4/conf/*/accept_source_route", "0", false},
		{"net/ipv4/conf/*/secure_redirects", "0", false},
		{"net/ipv4/conf/*/send_redirects", "0", false},
		{"net/ipv6/conf/*/accept_ra", "0", false},
		{"net/ipv6/conf/*/accept_redirects", "0", false},
		{"net/ipv6/conf/*/accept_source_route", "-1", false},
	}
}

// harden sets them, before anything runs that they are about. The interface that comes between two of the
// steps has the value too: default is set before those that are there are looked for.
func (b *boot) harden() error { return b.OS.Set(settings()) }

// split returns the directory of the interfaces and what is behind it; false: there is no star.
func (s Setting) split() (before, behind string, every bool) { return strings.Cut(s.Path, "*") }
