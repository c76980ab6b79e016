# new keys: what each makes, the other's reads
for t in ed25519 "rsa -b 2048" ecdsa "ecdsa -b 384" "ecdsa -b 521"; do ssh-keygen -q -t $t -N '' -C 'a comment' -f k; stat -c '%n %a' k k.pub; /usr/bin/ssh-keygen -y -f k | cmp - k.pub; ssh-keygen -lf k | sed 's/SHA256:[^ ]*/SUM/'; rm k k.pub; done
ssh-keygen -q -t ed25519 -N 'open sesame' -C c -f k; /usr/bin/ssh-keygen -y -P 'open sesame' -f k | cmp - k.pub; /usr/bin/ssh-keygen -y -P wrong -f k; echo $?; rm k k.pub
/usr/bin/ssh-keygen -q -t ed25519 -N 'open sesame' -C c -f k; ssh-keygen -y -P 'open sesame' -f k | cmp - k.pub; ssh-keygen -y -P wrong -f k; echo $?; rm k k.pub
~ the picture of the key is not there
ssh-keygen -t ed25519 -N '' -C 'a comment' -f k | sed 's/SHA256:[^ ]*/SUM/'; rm k k.pub
ssh-keygen -t ed25519 -N '' -C 'a comment' -f k | sed 's/SHA256:[^ ]*/SUM/' | head -n 5; rm k k.pub
ssh-keygen -q -t ed25519 -N abc -f k; rm k k.pub
echo n | ssh-keygen -q -t ed25519 -N '' -f id
echo y | ssh-keygen -q -t ed25519 -N '' -C c -f id; rm id id.pub
~ a private key is its owner's alone
chmod 644 id; echo y | ssh-keygen -q -t ed25519 -N '' -C c -f id; stat -c %a id; rm id id.pub
ssh-keygen -q -t dsa2 -N '' -f k
ssh-keygen -q -t rsa -b 10 -N '' -f k
ssh-keygen -q -t ecdsa -b 10 -N '' -f k
ssh-keygen -q -t ed25519 -N '' -f nosuch/k
# keys that are there
for k in id rsa ec locked; do ssh-keygen -lf $k; ssh-keygen -l -f $k.pub; ssh-keygen -l -E md5 -f $k.pub; done
cat id.pub rsa.pub > all; ssh-keygen -l -f all; rm all
ssh-keygen -l -f - < id.pub
echo "ssh-ed25519 $(cut -d' ' -f2 id.pub)" > bare; ssh-keygen -lf bare; rm bare
ssh-keygen -lf known | cut -d' ' -f1,2,4
ssh-keygen -lf near/text
ssh-keygen -lf nosuch
for k in id rsa ec; do ssh-keygen -y -f $k; done
ssh-keygen -y -P sesame -f locked
rm id.pub; ssh-keygen -y -f id; ssh-keygen -lf id
ssh-keygen -y -f id.pub
chmod 644 id; ssh-keygen -y -f id
ssh-keygen -p -P sesame -N '' -f locked; ssh-keygen -y -f locked; rm locked
ssh-keygen -p -N 'another one' -f id; /usr/bin/ssh-keygen -y -P 'another one' -f id; rm id
ssh-keygen -p -P wrong -N '' -f locked
# known hosts
H="[127.0.0.1]:$P"; ssh-keygen -F $H -f known
ssh-keygen -F nosuch -f known
H="[127.0.0.1]:$P"; ssh-keygen -l -F $H -f known
H="[127.0.0.1]:$P"; ssh-keygen -R $H -f known
ssh-keygen -R nosuch -f known
ssh-keygen -R nosuch -f nosuch
K=$(cut -d' ' -f1,2 id.pub); printf "# c\n\nA.lan,b.lan $K note\n*.lan,!x.lan $K\n@revoked * $K\n@cert-authority *.net $K\n" > k; for h in a.lan B.lan x.lan c.lan any.net; do ssh-keygen -F $h -f k; done; ssh-keygen -R a.lan -f k; cat k
H="[127.0.0.1]:$P"; ssh-keygen -H -f known; /usr/bin/ssh-keygen -F $H -f known | sed 's/|1|[^ ]*/HASH/'; rm known
H="[127.0.0.1]:$P"; /usr/bin/ssh-keygen -H -f known; ssh-keygen -F $H -f known | sed 's/|1|[^ ]*/HASH/'; ssh-keygen -R $H -f known; wc -l known; rm known known.old
H="[127.0.0.1]:$P"; ssh-keygen -H -F $H -f known | sed 's/|1|[^ ]*/HASH/'
ssh-keygen -Z
~ what was lost is an error
ssh-keygen -lf id.pub > /dev/full
~ what nobody understands hinders nothing
echo nonsense >> known; ssh-keygen -R "[127.0.0.1]:$P" -f known
