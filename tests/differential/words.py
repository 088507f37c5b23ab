# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words from which the generators make files: the usual ones, the odd ones, and those that only look usual."""

from __future__ import annotations

SIDE_FILES = ("names.txt", "more.txt", "side.conf", "other.conf")
DIRECTORIES = ("side.d", "nodir", "")


# fmt: off
TYPES = (
    "local", "host", "host", "host", "hostssl", "hostssl", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc",
    "Host", "hosts", "hostsll", "LOCAL", "local,host",
)
METHODS = (
    "trust", "reject", "password", "md5", "scram-sha-256", "peer", "ident", "cert", "cert", "gss", "sspi", "pam",
    "ldap", "ldap", "ldap", "radius", "radius", "oauth", "oauth", "bsd", "krb5", "crypt", "scram", "Trust", "MD5",
    "none", "trust,reject",
)
NAMES = (
    "all", "all", "app", "app", "db1", "ALL", "sameuser", "samerole", "samegroup", "replication", "Replication",
    "+role", "+", "++x", "+all", "@", "a b", "a,b", "a#b", "a\\", "\\1", "/", "/^a$", "/a b", "'x'", "x=y", "_",
    "naïve", "a\udcffb", "\u00a0", "postgres", "template1", "include", "include_dir", "host", "10.0.0.0/8", "trust",
)
ADDRESSES = (
    "all", "samehost", "samenet", "127.0.0.1/32", "127.0.0.1", "10.0.0.0/8", "10/8", "010.0.0.1/32", "0x7f.0.0.1/32",
    "127.1/16", "10.1.2.3/8", "0.0.0.0/0", "::/0", "::1/128", "::1", "fe80::1%1/64", "fe80::1%lo/64", "fe80::1%/64",
    "::ffff:10.0.0.0/104", "::1.2.3.4/128", "2001:DB8::0:1/64", "[::1]/128", "10.0.0.256/32", "10.0.0.256",
    "1.2.3.4.5", "host.example", ".example.com", "*.example.com", "host.example/32", "ALL", '"all"', "",
    "10.0.0.0/8 ", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "4294967295/32", "4294967296/32",
    "1.2.65535/16", "1.2.65536/16", "0x/8", "08/8", "1..2/8", "1.2.3./8", "::1::/64", "1:2:3:4:5:6:7:8/128",
    "1:2:3:4:5:6:7::/112", "::1:2:3:4:5:6:7/128", "12345::/16", "1:2:3:4:5:6:1.2.3.4/128", "::01.2.3.4/128",
    "::1%0/128", "::1%99999999999/128", "ff02::1%1/16", "ff02::1%lo/16", "fe80::%lo", "::1%1x/128", "0/0",
    "٣.1.1.1/8", "127.0.0.1 /32", " 127.0.0.1/32", "1.2.3.4\t/8", "10.0.0.0/٨", "10.0.0.0/ 8", "10.0.0.0/8\v",
    "10.0.0.0/99999999999999999999", "10.0.0.0/4294967304", "10.0.0.0/-0", "10.0.0.0/0x8", "0X7F.1/8",
)
USUAL_ADDRESSES = (
    "all", "samehost", "samenet", "127.0.0.1/32", "::1/128", "10/8", "010.0.0.1/32", "::ffff:1.2.3.4/128", "::/0",
    "::1.2.3.4/128", "fe80::1%1/64", "fe80::%lo/10", "host.example", ".example.com", "10.0.0.256",
    "1.2.3.4 255.0.255.0", "::1 ffff::", "1::2 ffff:ffff:0:1::", "ALL", '"samenet"', "0/0", "1.2/16", "0x0a.1/8",
    "::ffff:0:0/96", "::1.2/128", "0:0:0:0:0:0:1.2.3.4/128",
)
USUAL_EXPRESSIONS = (
    "^a", "a$", "", ".*", "^(db1|app)$", "[a-c]+", '"a b"', "(?i)APP", r"\d", "a{2,3}", "(a)\\1", "[[:alpha:]]*",
    "x?y*?", r"\mapp\M", "(?:a|b)c", "***=a.b",
)
USUAL_EXPRESSIONS += ("(?x)a b", "[^/]", r"\u0041", "a|b|", "(?=a)b", "^$", "é")
# What a method needs and one thing more, as one word or several.
USUAL_OPTIONS: dict[str, tuple[str, ...]] = {
    "trust": ("",), "reject": ("",), "password": ("",), "md5": ("",), "scram-sha-256": ("",),
    "peer": ("", "map=", 'map="a b"'), "ident": ("", "map=x map=y", '"map=a#b"'), "cert": ("", 'map="a, b"', "map="),
    "gss": (
        "", "include_realm=0", "include_realm=1", "krb_realm=R",
        "krb_realm= include_realm=yes", "include_realm=0 include_realm=1"),
    "pam": ("", "pamservice=s", "pamservice=", "pam_use_hostname=1 pamservice=x,pamservice=y"),
    "ldap": (
        "ldapserver=h ldapprefix=cn=", 'ldapprefix="cn=" ldapsuffix=", dc=x" ldapport=389', "ldapbasedn=x ldaptls=1",
        "ldapbasedn=x ldaptls=0 ldapport=0", "ldapbasedn= ldapbinddn=b ldapbindpasswd=p ldapsearchattribute=uid",
        'ldapbasedn=x ldapsearchfilter="(uid=$username)"', "ldapsuffix=y ldapport=+12x",
        "ldapurl=ldap://h/dc=x?uid?sub", "ldapurl=ldaps://h:636/dc=x ldaptls=1", "ldapurl=ldap://h/dc=x??one?(a=b)",
        "ldaptls=1 ldapurl=ldap://[::1]:7/dc=x", "ldapurl=ldap://h/dc=%41?%75id?base", "ldapurl=ldap:///?a",
        "ldapbasedn=x ldapscheme=ldaps ldapport=99999999999", "ldapprefix=x ldapscheme=foo",
        "ldapurl=ldap://h ldapport=5 ldapserver=k", "ldapbasedn=z ldapurl=ldap://h/", "ldapurl=ldaps://h?",
        "ldapurl=LDAPS://H:1/a", "ldapurl=ldap://h/x?a,b?one ldapport=2",
    ),
    "radius": (
        "radiusservers=127.0.0.1 radiussecrets=s", 'radiusservers="127.0.0.1,::1" radiussecrets=s radiusports="1,2"',
        "radiusservers=::1 radiussecrets=s radiusidentifiers=i",
        'radiusservers="127.0.0.1, 127.0.0.2" radiussecrets="s, t"',
        "radiusservers=127.0.0.1 radiussecrets=s radiusports=",
    ),
    "oauth": (
        "issuer=i scope=s", "issuer=i scope= validator=one",
        'issuer=i scope="a b" validator=two delegate_ident_mapping=1',
        "issuer=i scope=s delegate_ident_mapping=0 map=m", "issuer=i scope=s validator.x=1 validator=one",
        "issuer=i scope=s validator=",
    ),
}
MAPPED = ("peer", "ident", "cert", "gss", "oauth")
MASKS = (
    "255.0.0.0", "255.255.255.255", "255.0", "0xff000000", "255.0.255.0", "0.0.0.0", "ffff::", "ffff:ffff::", "::",
    "8", "255.255.255.256", "/8", "all", "trust", "host", "255.0.0.0/8", "ffff::%1", "037777777777", "fe80::%lo",
)
OPTIONS = {
    "any": (
        "map=m", "map=", "map=a b", "clientcert=verify-full", "clientcert=verify-ca", "clientcert=1", "clientcert=0",
        "clientcert=no-verify", "clientcert=", "clientname=CN", "clientname=DN", "clientname=cn", "clientname=",
        "x=y", "=", "=x", "novalue", "Map=m", "map =m", "map==m", "map=m=n", "pamservice", "include_realm=0",
    ),
    "ident": ("map=m", "map="),
    "peer": ("map=m",),
    "cert": ("map=m", "clientcert=verify-full", "clientname=DN"),
    "gss": (
        "include_realm=0", "include_realm=1", "include_realm=true", "krb_realm=R", "krb_realm=", "map=m",
        "compat_realm=1",
    ),
    "sspi": ("compat_realm=1", "upn_username=1", "include_realm=1"),
    "pam": ("pamservice=s", "pamservice=", "pam_use_hostname=1", "pam_use_hostname=yes"),
    "ldap": (
        "ldapserver=127.0.0.1", "ldapserver=", "ldapport=389", "ldapport=0", "ldapport=x", "ldapport=",
        "ldapport=12x", "ldapport=-1", "ldapport=+7", "ldapport= 8", "ldapport=99999999999", "ldapscheme=ldaps",
        "ldapscheme=ldap", "ldapscheme=x", "ldapscheme=", "ldaptls=1", "ldaptls=0", "ldaptls=on", "ldapprefix=cn=",
        "ldapprefix=", "ldapsuffix=x", "ldapsuffix=", 'ldapbasedn="dc=x,dc=y"', "ldapbasedn=", "ldapbinddn=cn=b",
        "ldapbindpasswd=p", "ldapsearchattribute=uid", "ldapsearchattribute=", "ldapsearchfilter=(uid=$username)",
        "ldapsearchfilter=", "ldapurl=ldap://h/dc=x?uid?sub", "ldapurl=ldap://h", "ldapurl=ldaps://h:636/dc=x",
        "ldapurl=ldap://h/dc=x??one?(a=b)", "ldapurl=ldapi://%2f", "ldapurl=", "ldapurl=http://h/",
        "ldapurl=ldap://h/dc=x?uid,cn?base", "ldapurl=ldap://h/?uid?bad", "ldapurl=LDAP://h/dc=x", "ldapurl=ldap:///",
        "ldapurl=ldap://h:x/", "ldapurl=ldap://[::1]:7/dc=x", "ldapurl=ldap://h/dc=%41?%75id",
        "ldapurl=ldap://h/a?b?sub?(c)?d", "ldapurl=<ldap://h/x>", "ldapurl=ldap://h/x?????",
    ),
    "radius": (
        "radiusservers=127.0.0.1", 'radiusservers="127.0.0.1,::1"', "radiusservers=", "radiussecrets=s",
        'radiussecrets="s,t"', "radiussecrets=", "radiusports=1812", 'radiusports="1812,1813"', "radiusports=x",
        "radiusports=", "radiusports=0", "radiusidentifiers=i", 'radiusidentifiers="i,j"', "radiusidentifiers=",
        'radiusservers="127.0.0.1,"', 'radiussecrets="""a b"""', 'radiussecrets="a b"', 'radiussecrets="""a"',
    ),
    "oauth": (
        "issuer=https://i", "issuer=", "scope=openid", "scope=", 'scope="a b"', "validator=one", "validator=two",
        "validator=", "validator=none", "delegate_ident_mapping=1", "delegate_ident_mapping=0",
        "delegate_ident_mapping=true", "map=m", "map=", "validator.x=1", "validator.=1", "validator.a-b_C9=",
        "validator.a.b=1", "validator.ä=1", "issuer=https://i?x",
    ),
}
REGEX_PIECES = (
    "a", "b", ".", "a*", "a+", "a?", "a*?", "a{2}", "a{2,}", "a{2,3}", "a{3,2}", "a{256}", "a{255}", "a{", "a{,3}",
    "a{x}", "{2}", "*", "+", "?", "|", "||", "(", ")", "()", "(a)", "(a|b)", "(?:a)", "(?=a)", "(?!a)", "(?<=a)",
    "(?<!a)", "(?i)", "(?x)", "(?e)", "(?q)", "(?z)", "***=", "***:", "***", "^", "$", "^*", "^+", "$*", "[a-z]",
    "[z-a]", "[]a]", "[^]]", "[a", "[]", "[^]", "[[:alpha:]]", "[[:foo:]]", "[[:alpha]", "[[.a.]]", "[[.space.]]",
    "[[.xx.]]", "[[=a=]]", "[[=aa=]]", "[[:<:]]", "[[:>:]]", "[a-[:alpha:]]", "[\\d]", "[\\D]", "[a-\\d]", "[\\w-z]",
    "\\d", "\\D", "\\w", "\\s", "\\S", "\\y", "\\Y", "\\m", "\\M", "\\A", "\\Z", "\\a", "\\b", "\\B", "\\cA", "\\c",
    "\\e", "\\f", "\\n", "\\r", "\\t", "\\v", "\\u0041", "\\u41", "\\U00000041", "\\U00110000", "\\x41", "\\x",
    "\\xg", "\\0", "\\00", "\\012", "\\1", "\\2", "\\9", "\\10", "(a)\\1", "((a)\\2)", "\\", "\\q", "\\E", "\\_",
    "\\-", "\\/", "\\é", "é", "é*", "[é]", "[a-é]", " ", ",", "#", "(?#c)", "(?#", "(?", "(?:", "(*)", "(|a)", "(a|)",
    "a**", "a*+", "a?*", "a{1}{2}", "(?=a)*", "\\y*", "(a*)*", "(a*)+", "((((((((((a))))))))))", "[[:alnum:]_-]",
    "[a-c-e]", "[--a]", "[a-]", "[-a]", "[\\]", "[\\]]", "x{0}", "x{1,0}", "x{0,0}", "x{99999999999}", "x{1,",
    "x{1,2", "(?s)", "(?n)", "(?p)", "(?w)", "(?is)", "(?b)", "\\(", "\\{", "\\*", "\\+", "\\?", "\\|", "]", "}",
    "[[", "[[.", "[[.a", "[[=", "[[:", "[a[.hyphen.]z]", "[[.hyphen.]-z]", "[a-[.z.]]", "[[=a=]-z]",
)
# Bytes as Python reads them that are no UTF-8: words in Latin-1, single bytes, the beginning of a character, one too long.
NOT_UTF_8 = ("gr\udcfcn", "\udce4", "# Gr\udcfc\udcdfe", "\udcff", "\udcc3", "\udce2\udc82", "\udcc0\udcaf", "\udca0")
# What editors of other systems put before the first line, whole, in half, and that of UTF-16.
MARKS = ("\ufeff", "\ufeff", "\ufeff", "\udcef\udcbb", "\udcff\udcfe")
STRAY = (
    '"', '"', ",", "#", "\\", "\\\n", " ", "\t", "\r", "\n", "\n", "=", "/", "@", "+", "'", "\f", "\v", "\u00a0",
    "\ufeff", "\udcff", "é", "x", "0", ".", "%", ":", "\0", "{", "(", "*", "$", "-", "\x01", "\x7f", "\udc80", "||",
    '""',
)
CONF_LINES = (
    "work_mem", "work_mem =", "= 3", "work_mem = = 3", "work_mem = 1 2", "a.b.c = 1", "a.b = 1", "A.b = x", "a. = 1",
    ".a = 1", "a..b = 1", "a.b = c.d", "a.b = c.d.e", "x = 1", "work_mem = 'x", "work_mem = '4MB' '",
    "work_mem '4MB'", "work_mem=4MB# c", "search_path = a, b", "search_path = 'a, b'", 'search_path = "a"',
    "listen_addresses = *", "listen_addresses = '*'", "log_line_prefix = %m", "log_line_prefix = '%m \\'x\\''",
    "log_line_prefix = 'a''b'", "log_line_prefix = '\\x41\\101\\8\\n'", "log_line_prefix = 'a\\\\'",
    "log_line_prefix = 'a\\'", "include", "include 'a' 'b'", "include = ", "include_if_exists 'none.conf'",
    "INCLUDE_IF_EXISTS = 'x'", "application_name = a-b", "application_name = a/b:c", "application_name = /x",
    "application_name = -x", "application_name = é", "sort_mem = 1MB", "vacuum_mem = 1MB",
    "ssl_ecdh_curve = 'prime256v1'", "ssl_groups = 'X25519'", "db_user_namespace = on", "ssl_renegotiation_limit = 0",
    "password_encryption = on", "role = x", "seed = 1", "is_superuser = on", "session_authorization = x",
    "default_with_oids = off", "server_version = 1", "wal_keep_segments = 1", "é = 1", "a.é = 1", "1a = 1",
    "work_mem\f= 1", "\fwork_mem = 1", "work_mem = 1\f", "work_mem = 1 \v", "\ufeffwork_mem = 1",
    "work_mem = 64\u00a0MB", "a.b-c = 1", "a.1b = 1", "a.$b = 1", "a$b.c = 1", "a-b = 1", "plpgsql.x = 1",
    "plpgsql.extra_errors = 'all'", "plpgsql.variable_conflict = error", "work_mem = 4MB\r", "\r", "work_mem\r=\r4MB",
)
_NUMBERS = (
    "0", "1", "-1", "+1", "10", "010", "0x10", "0X1F", "08", "100", "1000", "100000", "2147483647", "2147483648",
    "-2147483648", "-2147483649", "9999999999", "1.5", ".5", "5.", "1.5e3", "1e3", "'1e3'", "'1e-3'", "1E+2", "64kB",
    "64MB", "1GB", "1TB", "1024B", "1B", "'64 MB'", "'64MB '", "' 64MB'", "64mb", "64KB", "1.5GB", "'1.5GB'",
    "'0.5kB'", "10s", "10ms", "10min", "1h", "1d", "100us", "'1.5 h'", "10S", "'10 s'", "1w", "''", "'-'", "on",
    "off", "nan", "inf", "'infinity'", "0x", "'0x1.8p1'", "'1_000'", "99999999999999999999", "'1 '", "' 1'", "'1\t'",
    "'1.'", "0.0", "0.49", "0.5", "1.5", "2.5", "-0.5", "'1MB1'", "'1 M B'", "-0", "'.'", "1.5.2", "'1e'", "'1e400'",
    "'0x1e3'", "1kB", "3MB", "500", "60", "15", "2", "3", "4", "8", "16", "32",
)
SETTING_VALUES = {
    "bool": (
        "on", "off", "true", "false", "yes", "no", "1", "0", "t", "f", "y", "n", "o", "of", "tr", "fal", "ye", "ON",
        "True", "2", "''", "onn", "'on '", "' on'", "00", "01", "enabled", "null", "-1", "1.0", "truee",
    ),
    "integer": _NUMBERS,
    "real": _NUMBERS,
    "string": ("x", "'x'", "''", "'a b'", "a_b", "'é'", "'a''b'", "'a\\nb'", "'x,y'", "1", "1.5", "x-y", "'/x/y'"),
    "any": (
        "x", "'x'", "''", "1", "'a b'", "on", "a.b", "a.b.c", "-", "'", "''x''", "x y", "x,y", '"x"', "*", "%m", "/x",
        "'\\", "'\\''", "'x' # c", "x#c", "1x", "1_0", "a:b", "é", "'a\udcff'", "x\r", "~", "$x", "-x", "+", "0x",
        ".", "..", "a.", ".a", "'x\\x41'", "'\\101'", "'\\08'", "'\\400'", "'\\0'",
    ),
    "enum": ("on", "off", "x", "''", "1", "none"),
}
# fmt: on
