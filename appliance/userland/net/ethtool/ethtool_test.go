package ethtool

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// ours runs ethtool of this package in the namespace.
func ours(t *testing.T, n *testnet.Namespace, args string) (stdout string, complains bool, status int) {
	t.Helper()
	var out, complaints bytes.Buffer
	err := n.Do(func() error {
		status = Commands()["ethtool"].Main()(t.Context(), append([]string{"ethtool"}, strings.Fields(args)...),
			nil, &out, &complaints)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), complaints.Len() > 0, status
}

// theirs runs Debian's.
func theirs(t *testing.T, n *testnet.Namespace, args string) (stdout string, complains bool, status int) {
	t.Helper()
	program := testnet.Need(t, "ethtool", "ethtool")
	var out, complaints bytes.Buffer
	err := n.Do(func() error {
		cmd := exec.Command(program, strings.Fields(args)...)
		cmd.Stdout, cmd.Stderr = &out, &complaints
		err := cmd.Run()
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			status, err = exit.ExitCode(), nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), complaints.Len() > 0, status
}

// twin is a namespace with links of some kinds.
func twin(t *testing.T, name string) *testnet.Namespace {
	n := testnet.New(t, name)
	n.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
	n.Run("ip", "link", "add", "br0", "type", "bridge")
	n.Up("eth0")
	n.Up("eth1")
	n.Up("br0")
	n.Up("lo")
	n.Ready("eth0")
	n.Ready("eth1")
	return n
}

// TestSaysWhatEthtoolSays: each line by both, ours in one namespace, Debian's in its twin.
func TestSaysWhatEthtoolSays(t *testing.T) {
	mine, other := twin(t, "mine"), twin(t, "theirs")
	for _, args := range strings.Split(`eth0|br0|lo|-i eth0|-i br0|--driver lo|-S eth0|-S br0|--statistics lo|-k eth0|-k br0|-k lo|--show-offload eth1|-P eth0|-P lo|
		nosuch|-i nosuch|-k nosuch|-P nosuch|-K eth0 tso off|-k eth0|-K eth0 tso on gro on|-k eth0|-K eth0 rx off|-k eth0|-K eth0 tx off|-k eth0|-K eth0 sg off|
		-k eth0|-K eth0 tx on|-k eth0|-K eth0 tcp-segmentation-offload off|-k eth0|-K eth0 tx-nocache-copy on|-k eth0|-K eth0 generic-receive-offload off|-k eth0|
		-K eth0 lro on|-k eth0|-K eth0 tso|-K eth0|-K eth0 tso maybe|-K eth0 nosuch on|-K nosuch tso off|-K br0 gso off|-k br0`, "|") {
		args = strings.TrimSpace(args)
		got, gotComplains, gotStatus := ours(t, mine, args)
		want, wantComplains, wantStatus := theirs(t, other, args)
		if got != want || gotComplains != wantComplains || (gotStatus != 0) != (wantStatus != 0) {
			t.Errorf("ethtool %s: status %d, complains %t; Debian's %d, %t\n%s", args, gotStatus, gotComplains,
				wantStatus, wantComplains,
				difference(got, want))
		}
	}
}

// difference has the lines that only one has.
func difference(got, want string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, text, other string }{{"ours: ", got, want}, {"Debian's: ", want, got}} {
		for line := range strings.Lines(side.text) {
			if !strings.Contains("\n"+side.other, "\n"+line) {
				b.WriteString(side.sign + line)
			}
		}
	}
	return b.String()
}
