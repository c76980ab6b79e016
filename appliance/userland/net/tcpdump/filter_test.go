package tcpdump

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// times are when the packets of a file were recorded, which tells each from the others.
func times(t *testing.T, file []byte) (all []string) {
	t.Helper()
	if len(file) == 0 {
		return nil
	}
	r, err := pcap.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Read()
		if err != nil {
			return all
		}
		all = append(all, fmt.Sprintf("%d:%d", p.Time.UnixMicro()-1_700_000_000_000_000, len(p.Data)))
	}
}

// ours runs our command.
func ours(t *testing.T, args ...string) (stdout, stderr []byte, status int) {
	t.Helper()
	var out, complaints bytes.Buffer
	c := Commands()["tcpdump"]
	status = c.Main()(t.Context(), append([]string{"tcpdump"}, args...), strings.NewReader(""), &out, &complaints)
	return out.Bytes(), complaints.Bytes(), status
}

// differences are the expressions of which tcpdump thinks otherwise, and why.
func differences() map[string]string {
	return map[string]string{
		"ip and vlan":     "tcpdump has it that no packet is both, and refuses; here it is true of none",
		"1 = 2":           "the same",
		"portrange 1-2-3": "tcpdump reads the range 1-2 and loses the rest",
	}
}

// TestFilters: tcpdump's own filters choose the same packets, and refuse what ours refuse.
func TestFilters(t *testing.T) {
	peer, file := testnet.Need(t, "tcpdump", "tcpdump"), recorded(t)
	corpus, err := os.ReadFile("testdata/filters")
	if err != nil {
		t.Fatal(err)
	}
	compared, refused, different := 0, 0, 0
	for line := range strings.Lines(string(corpus)) {
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' {
			continue
		}
		compared++
		mine, complaints, status := ours(t, "-r", file, "-w", "-", text)
		theirs := exec.Command(peer, "-r", file, "-w", "-", text)
		var said bytes.Buffer
		theirs.Stderr = &said
		out, err := theirs.Output()
		if status != 0 {
			refused++
		}
		if (err != nil) != (status != 0) {
			if differences()[text] != "" {
				different++
				continue
			}
			t.Errorf("%s: status %d, of tcpdump %v\n%s%s", text, status, err, complaints, said.Bytes())
			continue
		}
		if err != nil {
			continue
		}
		if got, want := times(t, mine), times(t, out); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %d packets chosen, by tcpdump %d\n%v\n%v", text, len(got), len(want), got, want)
		}
	}
	t.Logf("%d expressions, %d of them refused", compared, refused)
	if different != len(differences()) {
		t.Errorf("%d differ, %d are listed", different, len(differences()))
	}
	if compared < 300 || refused > compared/4 {
		t.Errorf("expected 300, of which a quarter is refused at most")
	}
}
