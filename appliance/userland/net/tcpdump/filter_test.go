package tcpdump

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
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
		"portrange 1-2-3": "tcpdump reads the range 1-2 and loses the rest",
	}
}

// corpus are the expressions of the file.
func corpus(t *testing.T) (all []string) {
	t.Helper()
	b, err := os.ReadFile("testdata/filters")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, line)
		}
	}
	return all
}

// A verdict is what of an expression both say.
type verdict struct {
	mine, theirs []string // packets
	refused      bool     // by ours
	different    bool     // only one has refused it
	said         string
}

// judge has both choose from a file. options are for tcpdump. What tcpdump has found to be true of no packet
// ("1 = 2"), it refuses; ours then choose none.
func judge(t *testing.T, file, text string, options ...string) (v verdict) {
	t.Helper()
	out, complaints, status := ours(t, "-r", file, "-w", "-", text)
	theirs := exec.Command(testnet.Need(t, "tcpdump", "tcpdump"), append(options, "-r", file, "-w", "-", text)...)
	var said bytes.Buffer
	theirs.Stderr = &said
	their, err := theirs.Output()
	if strings.Contains(said.String(), "expression rejects all packets") {
		their, err = nil, nil
	}
	v.refused, v.different = status != 0, (err != nil) != (status != 0)
	v.said = fmt.Sprintf("status %d, of tcpdump %v\n%s%s", status, err, complaints, said.Bytes())
	if err == nil && status == 0 {
		v.mine, v.theirs = times(t, out), times(t, their)
	}
	return v
}

// equal complains of what is not the same.
func (v verdict) equal(t *testing.T, text string) {
	t.Helper()
	if v.different {
		t.Errorf("%s: %s", text, v.said)
	}
	if !slices.Equal(v.mine, v.theirs) {
		t.Errorf("%s: %d packets chosen, by tcpdump %d\n%v\n%v", text, len(v.mine), len(v.theirs), v.mine, v.theirs)
	}
}

// TestFilters: tcpdump's own filters choose the same packets, and refuse what ours refuse.
func TestFilters(t *testing.T) {
	file, refused, different := recorded(t), 0, 0
	all := corpus(t)
	for _, text := range all {
		v := judge(t, file, text)
		if v.refused {
			refused++
		}
		if v.different && differences()[text] != "" {
			different++
			continue
		}
		v.equal(t, text)
	}
	t.Logf("%d expressions, %d of them refused", len(all), refused)
	if different != len(differences()) {
		t.Errorf("%d differ, %d are listed", different, len(differences()))
	}
	if len(all) < 600 || refused > len(all)/4 {
		t.Errorf("expected 600, of which a quarter is refused at most")
	}
}

// TestOtherLinks: so they do behind the headers of other links. Of those of all links tcpdump knows neither
// VLANs nor who is a group, which ours know.
func TestOtherLinks(t *testing.T) {
	for _, link := range []uint32{pcap.Raw, pcap.SLL, pcap.SLL2} {
		file, compared := recordedOf(t, link), 0
		for i, text := range corpus(t) {
			more := link != pcap.Raw && (strings.Contains(text, "vlan") || strings.Contains(text, "cast"))
			if i%3 != 0 || more || differences()[text] != "" {
				continue
			}
			compared++
			judge(t, file, text).equal(t, fmt.Sprint("link type ", link, ": ", text))
		}
		if compared < 150 {
			t.Errorf("%d expressions", compared)
		}
	}
}

// TestCombined: expressions made of others. tcpdump is told not to optimise (-O): where it does, it moves
// loads about, and packets that are cut within a header are chosen by chance. Not optimised, it loads also
// what a short prefix does not ask for.
func TestCombined(t *testing.T) {
	file, chance := recorded(t), rand.New(rand.NewPCG(1, 2))
	var good []string
	for _, text := range corpus(t) {
		if _, _, status := ours(t, "-r", file, "-w", "-", text); status == 0 && !strings.Contains(text, "/0") && !strings.Contains(text, "::/") {
			good = append(good, text)
		}
	}
	one := func() string {
		return fmt.Sprintf([]string{"%s", "(%s)", "not (%s)"}[chance.IntN(3)], good[chance.IntN(len(good))])
	}
	for range 300 {
		text := one()
		for range 1 + chance.IntN(3) {
			text += []string{" and ", " or "}[chance.IntN(2)] + one()
		}
		judge(t, file, text, "-O").equal(t, text)
	}
}
