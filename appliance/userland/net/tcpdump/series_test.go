package tcpdump

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestSeries: the files of -C are those that tcpdump makes of the same packets, of the same names, byte for
// byte.
func TestSeries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large")
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b, pcap.Ethernet, maxSnap)
	for i := range 110 {
		data := bytes.Repeat([]byte{byte(i)}, 50_000)
		err = errors.Join(err, w.Write(pcap.Packet{Time: time.Unix(int64(i), 0), Data: data, Length: len(data)}))
	}
	if err = errors.Join(err, os.WriteFile(file, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	peer := testnet.Need(t, "tcpdump", "tcpdump")
	for _, line := range []string{"-C 1", "-C 2 -W 10", "-C 1 -W 3", "-C 1 -W 11", "-C 9", "-G 3600", "-G 3600 -W 2"} {
		mine, theirs := t.TempDir(), t.TempDir()
		args := append(strings.Fields(line), "-r", file, "-w")
		if _, complaints, status := ours(t, append(args, filepath.Join(mine, "out"))...); status != 0 {
			t.Fatalf("%s: status %d, %s", line, status, complaints)
		}
		if out, err := exec.Command(peer, append(args, filepath.Join(theirs, "out"), "-Z", "root")...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		if got, want := sums(t, mine), sums(t, theirs); got != want {
			t.Errorf("%s: \n%s-- tcpdump:\n%s", line, got, want)
		}
	}
	for _, line := range []string{"-C 1", "-W 2", "-W 2 -w x", "-C 1 -w -", "-C 1 -G 1 -w x", "-C 0 -w x", "-G x -w x", "-Q up"} {
		if _, complaints, status := ours(t, append(strings.Fields(line), "-r", file)...); status != 1 || len(complaints) == 0 {
			t.Errorf("%s: status %d, %s", line, status, complaints)
		}
	}
}

// sums are the files of a directory.
func sums(t *testing.T, dir string) (all string) {
	t.Helper()
	names, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s %d %x\n", filepath.Base(name), len(b), sha256.Sum256(b))
	}
	return all
}

// TestSeriesByTime: a file for each time, and an end after as many as there may be.
func TestSeriesByTime(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	r := series{file: "x%H%M%S", every: 10 * time.Second, files: 2, began: start}
	for _, step := range []struct {
		after   time.Duration
		name    string
		another bool
		err     error
	}{
		{0, "x030405", false, nil},
		{9 * time.Second, "x030405", false, nil},
		{12 * time.Second, "x030417", true, nil},
		{21 * time.Second, "x030417", false, nil},
		{22 * time.Second, "x030417", false, errEnough},
	} {
		another, err := r.next(start.Add(step.after))
		if r.name() != step.name || another != step.another || !errors.Is(err, step.err) {
			t.Errorf("after %v: %s, %v, %v; want %+v", step.after, r.name(), another, err, step)
		}
	}
}
