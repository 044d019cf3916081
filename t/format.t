#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards llm_batch_format: an API that nobody knows coalesces from a line of
# configuration, with positions or by place, with counts or without, and what
# cannot be a format is refused by nginx -t.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('formats of the configuration')->has('llm_batch');
my $mock = $t->backend();

my $formats = <<'EOF';
llm_batch_format acme_indexed match=/acme/indexed request=things
                 response=out.of.things index=pos usage=meta.stats;
llm_batch_format acme_plain match=/acme/plain request=things
                 response=vectors;
llm_batch_format acme_wild match=/acme/*/plain request=things response=vectors;
EOF

for my $workers (1, 4) {
	merge_conf($t, $workers, http => $formats);
	$t->run();

	merges($t, $mock, '/v7/acme/indexed', sub (@texts) {
		{ model => 'm', things => @texts > 1 ? \@texts : $texts[0] }
	});
	merges($t, $mock, '/acme/plain', sub (@texts) {
		{ things => \@texts }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

refused();

$t->expect(qr/\[emerg\]/);
$t->done();


sub of (@things) { return { things => @things > 1 ? \@things : $things[0] } }

sub more ($workers) {
	my ($indexed, $plain) = ('/acme/indexed', '/acme/plain');

	meets($t, $mock, $indexed, 'objects', map {
		{ things => [ { a => $_ }, { b => [ $_ ] } ] }
	} 1 .. 3);

	# in any order

	$mock->reset();
	$mock->script(many => { order => 'shuffle' });
	my @r = $t->plugged($mock, [ map { { uri => $indexed,
		body => of("text $_") } } 1 .. 8 ]);
	is_own_answer(\@r, 'shuffled');
	is(sizes($mock), '1 8', 'shuffled: one call');
	is($r[0]{headers}{'x-status'}, 'MERGED', 'shuffled: status');

	# what does not hold to it is nobody's answer

	for (
		[ $indexed, { index => 'duplicate' } ],
		[ $indexed, { index => 'foreign' } ],
		[ $indexed, { index => 'missing' } ],
		[ $indexed, { count => -1 } ], [ $plain, { count => 1 } ],
		[ $plain, { body => '{"vectors":{}}' } ],
		[ $plain, { body => '{"other":[[1],[2],[3]]}' } ],
	) {
		my ($uri, $how) = @$_;

		$mock->reset();
		$mock->script(many => $how);
		@r = $t->plugged($mock, [ map { { uri => $uri,
			body => of("text $_") } } 1 .. 3 ]);
		is_own_answer(\@r, "$uri @{[ %$how ]}");
		is(sizes($mock), '1 3 1 1 1', "$uri @{[ %$how ]}: alone");
	}

	# it is a word for llm_batch_adapter and a label

	$t->metric_is('llm_batch_requests_total{adapter="acme_plain",'
		. 'status="FALLBACK"}', 9);

	my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};
	is((grep { $_->{adapter} eq 'acme_indexed' }
		@{$json->{zones}{llm}{groups}}) > 0, 1, 'name of its groups');

	# an array that the format does not tell of may be of anybody

	$mock->reset();
	$mock->script(many => {
		body => '{"vectors":[[1],[2],[3]],"words":["a","b","c"]}' });
	@r = $t->plugged($mock, [ map { { uri => $plain,
		body => of("text $_") } } 1 .. 3 ]);
	is_own_answer(\@r, 'an array of its own');
	is(sizes($mock), '1 3 1 1 1', 'an array of its own: alone');

	$mock->reset();
	return if $workers > 1;

	# counters go by name, whatever else is declared later

	my $counter = 'llm_batch_requests_total{adapter="acme_plain",'
		. 'status="FALLBACK"}';

	merge_conf($t, 1, http => 'llm_batch_format first match=/first'
		. " request=a response=b;\n$formats");
	$t->reload();
	$t->metric_is($counter, 12, 'after a reload: what was counted');

	$mock->script(many => { count => 1 });
	@r = $t->plugged($mock, [ map { { uri => $plain,
		body => of("text $_") } } 1 .. 3 ]);
	is_own_answer(\@r, 'after a reload');
	$t->metric_is($counter, 15, 'after a reload: counted on');
	$mock->reset();

	$t->quit();
	merge_conf($t, 1, http => $formats, adapter => 'acme_plain');
	$t->run();

	@r = map { $t->request({ uri => $_, body => of('a') }) }
		$indexed, $plain;
	is(join(' ', map { $_->{headers}{'x-status'} } @r), 'BYPASS SINGLE',
		'only what is named');

	# a built-in format of the same path gives way to a longer ending

	$t->quit();
	merge_conf($t, 1, http => 'llm_batch_format mine match=/my/embeddings'
		. ' request=input response=data;',
		more => 'add_header X-Adapter $llm_batch_adapter;');
	$t->run();

	@r = map { $t->request({ uri => $_,
		body => { model => 'm', input => 'a' } }) }
		'/my/embeddings', '/embeddings';
	is(join(' ', map { $_->{headers}{'x-adapter'} } @r),
		'mine openai_embeddings', 'the longer ending');
}

sub refused {
	my $good = 'match=/a request=b response=c';

	my @good = ("x $good", "x $good index=d", "x $good usage=d.e",
		'x match=/a/b request=b response=.',
		'x match=/a request=b response=c.*', "a_1 $good",
		'x match=/* request=models response=c',
		'x match=/a request=b response=c.d usage=c.e',
		'x match=/a request=b response=cd usage=c',
		'x match=/a request=b response=c.* usage=c.d');
	my @bad = (
		[ "x $good; llm_batch_format x match=/b request=b response=c",
			'duplicate', '"x"' ],
		[ "openai_embeddings $good", '"openai_embeddings"' ],
		[ "auto $good", '"auto"' ], [ "A $good", '"A"' ],
		[ "x match=/a request=b", 'response' ],
		[ 'x match=/a response=c', 'request' ],
		[ 'x request=b response=c', 'match' ],
		[ 'x match=a request=b response=c', 'match=a' ],
		[ 'x match= request=b response=c', 'match=' ],
		[ 'x match=/ request=b response=c', 'match=/' ],
		[ 'x match=/a request= response=c', 'request=' ],
		[ 'x match=/a request=b response=', 'response=' ],
		[ 'x match=/a request=b response=c..d', 'response=c..d' ],
		[ 'x match=/a request=b response=.c', 'response=.c' ],
		[ 'x match=/a request=b response=c.', 'response=c.' ],
		[ 'x match=/a request=b response=*', 'response=*' ],
		[ 'x match=/a request=b response=*.c', 'response=*.c' ],
		[ 'x match=/a request=b response=a.b.c.d.e',
			'response=a.b.c.d.e' ],
		[ "x $good index=", 'index=' ], [ "x $good index=a.b", 'index=a.b' ],
		[ "x $good usage=", 'usage=' ], [ "x $good usage=a..b", 'a..b' ],
		[ "x $good color=red", 'color=red' ],
		[ "x $good match=/b", 'match=/b' ],
		[ 'x match=/a request=b response=c.* index=i', 'index' ],
		[ 'x match=/a request=stream response=c', 'request=stream' ],
		[ 'x match=/a request=model response=c', 'request=model' ],
		[ 'x match=/a request=b response=c usage=c', '"usage="' ],
		[ 'x match=/a request=b response=c.d usage=c', '"usage="' ],
		[ 'x match=/a request=b response=c.* usage=c', '"usage="' ],
		[ '', 'number of arguments' ],
	);

	$t->quit();

	for my $line (@good) {
		my ($rc, $out) = check("llm_batch_format $line;");
		is($rc, 0, "accepted: $line") or diag($out);
	}

	for (@bad) {
		my ($line, @words) = @$_;
		my ($rc, $out) = check("llm_batch_format $line;");
		my ($emerg) = $out =~ /\[emerg\] (.*)/;
		my @missing = grep { index($emerg // '', $_) < 0 }
			'llm_batch_format', @words;

		ok($rc == 1 && !@missing, "refused: $line")
			or diag("$rc, @missing: $out");
	}

	my ($rc, $out) = check('', "llm_batch_format x $good;");
	is($rc, 1, 'refused: not in http');
	($rc, $out) = check('', 'llm_batch_adapter nothing;');
	is($rc, 1, 'refused: a name that is not declared');

	# end checks want a server

	merge_conf($t, 1);
	$t->run();
}

sub check ($http, $location = '') {
	$t->conf("location / {\nllm_batch zone=llm;\n$location\n"
		. "proxy_pass http://backend;\n}", http => $http);
	return $t->check_conf();
}
