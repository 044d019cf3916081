package Test::LLMBatch::Server::Pooling;

# Copyright (C) The ngx_http_llm_batch_module authors

# /pooling and /classify of vLLM; as => "jina" and "infinity" /classify of
# these, the latter without positions, and with characters for tokens.

use v5.36;

use parent 'Test::LLMBatch::Server';

use List::Util qw/ sum0 /;

use Test::LLMBatch::Server qw/ floats is_number js seed tokens_of vector /;


sub _pooling($self) { return $self->{path} =~ m!/pooling$! }

sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $input = $request->{input};

	return unless defined $input;
	return $input if ref $input ne 'ARRAY' or is_number($input->[0]);
	return map { $_ // '' } @$input;
}

sub columns($self, $request) { return 'input' }

sub one($self, $request) {
	my $input = $request->{input};

	return { %$request, input => [ $input->[0] ] }
		if ref $input eq 'ARRAY' and ref $input->[0] eq 'HASH';
	return $self->SUPER::one($request);
}

sub tokens($self, $request) {
	return sum0 map { ref ? scalar @$_ : length } $self->items($request)
		if $self->{as} eq 'infinity';
	return $self->SUPER::tokens($request);
}

sub exact($self, $request) {
	return $self->{as} ne 'infinity' && $self->SUPER::exact($request);
}

sub counts($self) { return qw/ prompt_tokens total_tokens / }

sub error($self, $status, $message) {
	return js({ detail => $message }) if $self->{as} eq 'jina';
	return js({ error => { message => $message, type => 'BadRequestError',
		param => undef, code => $status } });
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my $tokens = $self->tokens($request);
	my $as = $self->{as};
	my %key = %$request;

	delete $key{input};

	my $data = join ',', map {
		my ($v) = @{$_->[1]};
		my $label = $v > 0 ? 'spam' : 'ham';
		my $score = sprintf '%.16f', abs $v;

		$self->_pooling() ? '{' . $self->index_of($_)
			. '"object":"pooling","data":' . floats(@{$_->[1]}) . '}'
		: $as eq 'infinity' ? qq![{"score":$score,"label":"$label"}]!
		: $as eq 'jina' ? '{"object":"classification",'
			. $self->index_of($_) . qq!"prediction":"$label",!
			. qq!"score":$score}!
		: '{' . $self->index_of($_) . qq!"label":"$label","probs":!
			. floats(@{$_->[1]}) . ',"num_classes":2}'
	} $self->disturb($how, map {
		[ $_, [ vector(seed(js(\%key), $items[$_]), 2) ] ]
	} 0 .. $#items);

	my $model = js($request->{model} // '');
	my $usage = qq!"usage":{"prompt_tokens":$tokens,"total_tokens":$tokens!;

	return qq!{"usage":{"total_tokens":$tokens},"data":[$data]}!
		if $as eq 'jina';
	return qq!{"object":"classify","data":[$data],"model":$model,$usage},!
		. '"id":"' . $self->id('infinity-') . '","created":1760000000}'
		if $as eq 'infinity';
	return '{"id":"' . $self->id($self->_pooling() ? 'pool-' : 'classify-')
		. '","object":"list","created":1760000000,"model":' . $model
		. qq!,"data":[$data],$usage,"completion_tokens":0,!
		. '"prompt_tokens_details":null}}';
}

1;
