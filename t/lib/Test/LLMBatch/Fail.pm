package Test::LLMBatch::Fail;

# Copyright (C) The ngx_http_llm_batch_module authors

# What the tests of failing calls share: a call of n texts with certainty.

use v5.36;

use Exporter qw/ import /;
use List::Util qw/ uniq /;
use Test::More;

use Test::LLMBatch;

our @EXPORT = qw/ fail_conf failing headers sizes statuses warm_up /;

my $uri = '/v1/embeddings';


# more: directives for the location

sub fail_conf($t, $more = '', %o) {
	return $t->conf(<<EOF, %o);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 64;
    llm_batch_max_wait 20s;
    llm_batch_fallback_limit 100%;
    $more
    proxy_pass http://backend;
}
EOF
}

# isolation may make as many more calls as there were requests in a minute

sub warm_up($t, $mock) {
	$mock->reset();
	$t->burst(60, $uri, sub ($i) { { model => 'm', input => "warm $i" } });
	$mock->reset();
}

# a call of the texts that is answered as the hash says, the responses

sub failing($t, $mock, $how, $texts, %o) {
	my $more = delete $o{body} // {};
	my $to = delete $o{uri} // $uri;

	$mock->reset();
	$mock->script(many => $how) if delete $o{always};
	my $once = !delete $o{first} ? undef : $how;

	return $t->plugged($mock, [ map {
		{ uri => $to, body => { model => 'm', input => $_, %$more },
			headers => $o{headers} // {} }
	} @$texts ], then => sub {
		$mock->next($once) if $once;
		$o{then}->() if $o{then};
	});
}

sub sizes($mock) { return join ' ', map { $_->{items} } $mock->calls() }

sub statuses(@r) {
	return join ' ', uniq sort { $a cmp $b }
		map { $_->{status} // $_->{error} } @r;
}

sub headers($name, @r) {
	return join ' ', uniq sort { $a cmp $b }
		map { $_->{headers}{$name} // '' } @r;
}

1;
