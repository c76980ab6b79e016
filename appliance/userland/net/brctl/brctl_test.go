package brctl

import (
	"bytes"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// ours runs brctl of this package in the namespace.
func ours(t *testing.T, n *testnet.Namespace, args string) (stdout string, complains bool, status int) {
	t.Helper()
	var out, complaints bytes.Buffer
	err := n.Do(func() error {
		status = Commands()["brctl"].Main()(t.Context(), append([]string{"brctl"}, strings.Fields(args)...), nil,
			&out, &complaints)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), complaints.Len() > 0, status
}

// theirs runs Debian's, which reads /sys: that of the namespace.
func theirs(t *testing.T, n *testnet.Namespace, args string) (stdout string, complains bool, status int) {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.Command("ip", append([]string{"netns", "exec", n.Name(), testnet.Need(t, "brctl", "bridge-utils")},
		strings.Fields(args)...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return out.String(), complaints.Len() > 0, exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), complaints.Len() > 0, 0
}

// twin is a namespace in which the same commands lead to the same state.
func twin(t *testing.T, name string) *testnet.Namespace {
	t.Helper()
	n := testnet.New(t, name)
	for i, pair := range [][2]string{{"eth0", "p0"}, {"eth1", "p1"}, {"eth2", "p2"}} {
		mac := func(last string) string { return "02:00:00:00:0" + string(rune('0'+i)) + ":" + last }
		n.Run("ip", "link", "add", pair[0], "address", mac("01"), "type", "veth", "peer", "name", pair[1],
			"address", mac("02"))
	}
	n.Run("ip", "link", "add", "br0", "address", "02:00:00:00:09:01", "type", "bridge")
	n.Run("ip", "link", "set", "eth0", "master", "br0")
	return n
}

// masked is an output without timers.
func masked(out string) string {
	return regexp.MustCompile(`(timer\t+ *|(?:yes|no)\t\t *)\d+\.\d\d`).ReplaceAllString(out, "${1}N")
}

// TestDoesWhatBrctlDoes gives the same lines to both, each in its namespace. What is wrong, both say:
// Debian's sometimes on standard output.
func TestDoesWhatBrctlDoes(t *testing.T) {
	mine, other := twin(t, "mine"), twin(t, "theirs")
	empty := testnet.New(t, "empty")
	got, _, _ := ours(t, empty, "show")
	if want, _, _ := theirs(t, empty, "show"); got != want {
		t.Errorf("without bridges: %q; Debian's %q", got, want)
	}
	for _, args := range strings.Split(`show|show br0|showmacs br0|showstp br0|addbr b9|addbr b9|addif br0 eth1 eth2|show|showstp br0|delif br0 eth2|delif br0 eth2|
		addif br0 eth1|addif b9 eth1|addif b9 lo|addif b9 nosuch|addif nosuch eth2|stp br0 on|show br0|showstp br0|setfd br0 5|sethello br0 3|setmaxage br0 10|
		setageing br0 100|setbridgeprio br0 100|setpathcost br0 eth0 7|setportprio br0 eth0 5|showstp br0|setfd br0 1|stp br0 off|setfd b9 2.5|showstp b9|
		showmacs br0|stp b9 maybe|setfd b9|setpathcost br0 nosuch 7|show nosuch|showmacs nosuch|showstp nosuch|delbr nosuch|
		delbr b9|delbr eth2|show|showstp br0||nosuch|stp b9`, "|") {
		args = strings.TrimSpace(args)
		got, gotComplains, gotStatus := ours(t, mine, args)
		want, wantComplains, wantStatus := theirs(t, other, args)
		if wantStatus != 0 && !strings.HasPrefix(want, "bridge name") {
			want, wantComplains = "", true
		}
		if masked(got) != masked(want) || gotComplains != wantComplains || gotStatus != wantStatus {
			t.Errorf("brctl %s: status %d, complains %t\n%s-- Debian's: %d, %t\n%s", args, gotStatus, gotComplains,
				got, wantStatus, wantComplains, want)
		}
	}
	mine.Up("br0")
	if _, complains, status := ours(t, mine, "delbr br0"); status != 1 || !complains {
		t.Errorf("a bridge that is up was deleted: %d", status)
	}
}
